// Loads modules of the web client in Node: `load(<folder of the web client>, (root) => source)` is what `source` exports.
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const ENTRY = "entry";

export async function load(folder, sourceOf) {
  const root = resolve(folder);
  const require = createRequire(join(root, "package.json"));
  const { rolldown } = await import(pathToFileURL(require.resolve("rolldown")));
  const bundle = await rolldown({
    input: ENTRY,
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === ENTRY || id === "../format" ? id : null),
        // The page's formats are not needed.
        load: (id) =>
          id === ENTRY ? sourceOf(root) : id === "../format" ? "export const setPlainText = () => {};" : null,
      },
    ],
  });
  const { output } = await bundle.generate({ format: "es" });
  return import(`data:text/javascript,${encodeURIComponent(output[0].code)}`);
}
