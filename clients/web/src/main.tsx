import "@fontsource-variable/inter/wght.css";
import "./styles/index.css";
import "./appearance";
import { render } from "preact";
import { App } from "./app";
import { refuseStrayFiles } from "./drop";
import { loadTexts } from "./texts";

refuseStrayFiles();
// No top-level await: texts import from this script, and would wait for its end.
void loadTexts().then(() => render(<App />, document.getElementById("app")!));
