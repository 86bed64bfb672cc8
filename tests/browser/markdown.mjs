// node markdown.mjs <folder of the web client>: reads a list of texts as JSON, and prints for each of them the tree of its
// Markdown, the milliseconds that the parser took, and of short ones the text without marks, and whether it has marks.
import { text } from "node:stream/consumers";
import { load } from "./bundle.mjs";

const { parse, plainText, hasMarks } = await load(
  process.argv[2],
  (root) => `export { parse } from "${root}/src/markdown/markdown.ts";
export { hasMarks, plainText } from "${root}/src/markdown/plain.ts";`,
);

const results = JSON.parse(await text(process.stdin)).map((each) => {
  const start = performance.now();
  const tree = parse(each);
  const ms = performance.now() - start;
  return each.length > 10_000 ? { tree, ms } : { tree, plain: plainText(each), marked: hasMarks(each), ms };
});
console.log(JSON.stringify(results));
