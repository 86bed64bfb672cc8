// The languages whose code is shown in colours, by what a fence calls them.
const LANGUAGES = {
  bash: ["sh", "shell", "zsh", "console"],
  c: ["h", "cpp", "c++", "hpp"],
  css: [],
  diff: ["patch"],
  go: ["golang"],
  html: ["xml", "svg"],
  java: [],
  js: ["javascript", "jsx", "mjs", "node"],
  json: ["jsonc"],
  py: ["python", "python3"],
  rs: ["rust"],
  sql: ["postgres", "postgresql", "mysql", "sqlite"],
  toml: ["ini"],
  ts: ["typescript", "tsx"],
  yaml: ["yml"],
} as const;

export type Language = keyof typeof LANGUAGES;

const byName = new Map(
  Object.entries(LANGUAGES).flatMap(([language, names]) =>
    [language, ...names].map((name) => [name, language as Language] as const),
  ),
);

export const languageOf = (name: string): Language | undefined => byName.get(name);
