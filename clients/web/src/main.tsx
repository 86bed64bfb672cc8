import "@fontsource-variable/inter/wght.css";
import "./styles/index.css";
import "./appearance";
import { render } from "preact";
import { App } from "./app";
import { refuseStrayFiles } from "./drop";
import { loadTexts } from "./texts";

refuseStrayFiles();
await loadTexts();
render(<App />, document.getElementById("app")!);
