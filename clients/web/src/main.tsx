import "@fontsource-variable/inter/wght.css";
import "./styles/index.css";
import "./theme";
import { render } from "preact";
import { App } from "./app";

render(<App />, document.getElementById("app")!);
