// Reads a list of AsyncAPI documents from stdin; writes what the official parser finds wrong with each, as JSON, to stdout.
import { Parser } from "@asyncapi/parser";

let documents = "";
for await (const chunk of process.stdin) documents += chunk;
const parser = new Parser();
const severities = ["error", "warning", "information", "hint"];
const found = [];
for (const document of JSON.parse(documents)) {
  const { diagnostics } = await parser.parse(document);
  found.push(
    diagnostics.map(({ severity, code, path, message }) => ({
      severity: severities[severity],
      code,
      path: path.join("/"),
      message,
    })),
  );
}
console.log(JSON.stringify(found));
