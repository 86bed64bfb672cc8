// Reads an AsyncAPI document from stdin; writes what the official parser finds wrong with it, as JSON, to stdout.
import { Parser } from "@asyncapi/parser";

let document = "";
for await (const chunk of process.stdin) document += chunk;
const { diagnostics } = await new Parser().parse(document);
const severities = ["error", "warning", "information", "hint"];
console.log(
  JSON.stringify(
    diagnostics.map(({ severity, code, path, message }) => ({
      severity: severities[severity],
      code,
      path: path.join("/"),
      message,
    })),
  ),
);
