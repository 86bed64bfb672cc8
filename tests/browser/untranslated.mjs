// node untranslated.mjs <folder of the web client>: prints "file:line: text" for each text that users read and that
// stands in a component rather than in the catalogue (src/texts).
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const root = resolve(process.argv[2]);
const require = createRequire(join(root, "package.json"));
const { parseAst } = await import(pathToFileURL(require.resolve("rolldown/parseAst")));

const ATTRIBUTES = new Set(["aria-label", "aria-description", "alt", "placeholder", "title"]);
// Properties of components and of objects (menu items, questions) that are shown.
const PROPERTIES = new Set(["action", "heading", "hint", "label", "text", "title", "verb"]);
const LETTER = /\p{L}/u;
// Names of keys on the keyboard, and addresses.
const EXEMPT = /^(https?:\/\/\S*|[A-Z])$/;

const isShown = (name, ...lists) => lists.some((list) => list.has(name));

const source = join(root, "src");
for (const file of readdirSync(source, { recursive: true })) {
  if (!/\.tsx?$/.test(file) || file.startsWith("texts")) continue;
  const code = readFileSync(join(source, file), "utf8");
  const report = (node, text) => {
    if (!LETTER.test(text) || EXEMPT.test(text.trim())) return;
    console.log(`${file}:${code.slice(0, node.start).split("\n").length}: ${text.trim()}`);
  };
  walk(parseAst(code, { lang: file.endsWith("x") ? "tsx" : "ts" }), report);
}

function walk(node, report) {
  if (Array.isArray(node)) {
    for (const each of node) walk(each, report);
    return;
  }
  if (!node?.type) return;
  if (node.type === "JSXText") report(node, node.value);
  else if (node.type === "JSXAttribute" && isShown(node.name.name, ATTRIBUTES, PROPERTIES)) texts(node.value, report);
  else if (node.type === "Property" && isShown(node.key.name, PROPERTIES)) texts(node.value, report);
  else if (node.type === "JSXElement" || node.type === "JSXFragment") {
    for (const child of node.children) if (child.type === "JSXExpressionContainer") texts(child.expression, report);
  }
  for (const value of Object.values(node)) if (value && typeof value === "object") walk(value, report);
}

/** The literal texts that an expression can evaluate to. */
function texts(node, report) {
  switch (node?.type) {
    case "Literal":
      if (typeof node.value === "string") report(node, node.value);
      break;
    case "TemplateLiteral":
      for (const quasi of node.quasis) report(quasi, quasi.value.cooked);
      break;
    case "JSXExpressionContainer":
      texts(node.expression, report);
      break;
    case "ConditionalExpression":
      texts(node.consequent, report);
      texts(node.alternate, report);
      break;
    case "LogicalExpression":
      texts(node.left, report);
      texts(node.right, report);
      break;
    case "BinaryExpression":
      if (node.operator === "+") {
        texts(node.left, report);
        texts(node.right, report);
      }
      break;
  }
}
