import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { defineConfig } from "vite";
import { emojiData } from "./emoji-data.ts";

const library = fileURLToPath(new URL("../typescript/src/index.ts", import.meta.url));
const server = "http://127.0.0.1:3000";

export default defineConfig({
  resolve: {
    // The library is built along, from its sources; what it needs is installed here.
    alias: { "@chatapp/client": library },
    dedupe: ["socket.io-client"],
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [
    emojiData(),
    {
      name: "font-display",
      enforce: "pre",
      // A font that comes late must not move the page: it is used from the next load on.
      transform(code, id) {
        return id.includes("@fontsource-variable")
          ? code.replaceAll("font-display: swap", "font-display: optional")
          : null;
      },
    },
    {
      name: "ahead",
      apply: "build",
      buildStart() {
        this.emitFile({ type: "chunk", id: "src/ahead.ts", name: "ahead" });
      },
      // A script of its own: it does not wait for the others.
      transformIndexHtml: {
        order: "post",
        handler(_, { bundle }) {
          const ahead = Object.values(bundle ?? {}).find((chunk) => chunk.type === "chunk" && chunk.name === "ahead");
          if (!ahead) throw new Error("There is no chunk of src/ahead.ts.");
          const attrs = { type: "module", async: true, src: `/${ahead.fileName}` };
          return [{ tag: "script", attrs, injectTo: "head" }];
        },
      },
    },
    {
      // Smaller than what the server makes with gzip: it serves these to browsers that accept them.
      name: "brotli",
      apply: "build",
      generateBundle: {
        order: "post",
        handler(_, bundle) {
          for (const [fileName, file] of Object.entries(bundle)) {
            if (!/\.(?:js|css|svg)$/.test(fileName)) continue;
            const source = brotliCompressSync(file.type === "chunk" ? file.code : file.source);
            this.emitFile({ type: "asset", fileName: `${fileName}.br`, source });
          }
        },
      },
    },
  ],
  // Nothing inline: the page's policy allows files alone.
  build: {
    target: ["chrome123", "firefox125", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: true,
    rolldownOptions: {
      output: {
        // The first view is one script, besides `ahead`, and what later parts share is another one. By default there is
        // one for each set of parts that share something: 18 requests before the list of chats is shown.
        codeSplitting: {
          groups: [
            { name: "index", tags: ["$initial"], test: /^(?!.*\/src\/ahead\.ts$)/, priority: 2 },
            { name: "shared", minShareCount: 2, priority: 1 },
          ],
        },
      },
    },
  },
  // `npm run dev` beside a `make run`.
  server: {
    fs: { allow: [".."] },
    proxy: {
      "/api": server,
      "/avatars": server,
      "/uploads": server,
      "/docs": server,
      "/socket.io": { target: server, ws: true },
    },
  },
});
