// node search.mjs <folder of the web client>: reads lines of JSON. Prints for {text} what the search makes of it, and for
// {content, highlights, isMarkdown} what is shown, with matches in brackets.
import { createInterface } from "node:readline";
import { load } from "./bundle.mjs";

const search = await load(
  process.argv[2],
  (root) => `export * from "${root}/src/search/query.ts";
export * from "${root}/src/search/marks.ts";
export { plainText } from "${root}/src/markdown/plain.ts";`,
);

const NAMES = new Map(["from", "in", "has", "before", "after"].map((name) => [name, name]));

function read(text) {
  const { words, operators } = search.read(text, NAMES);
  const rest = operators.reduceRight(search.without, text);
  return { words, operators, rest, problem: search.problemOf(words, 100), day: search.dayOf(text) };
}

function show({ content, highlights, isMarkdown }) {
  const parts = search.excerpt(search.partsOf(content, highlights, isMarkdown ? search.plainText : undefined));
  return parts.map(({ text, isMatch }) => (isMatch ? `[${text}]` : text)).join("");
}

for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line);
  console.log(JSON.stringify("text" in given ? read(given.text) : show(given)));
}
