// Colours of code, fetched when a message has some.
import bash from "@speed-highlight/core/languages/bash.js";
import c from "@speed-highlight/core/languages/c.js";
import css from "@speed-highlight/core/languages/css.js";
import diff from "@speed-highlight/core/languages/diff.js";
import go from "@speed-highlight/core/languages/go.js";
import html from "@speed-highlight/core/languages/html.js";
import java from "@speed-highlight/core/languages/java.js";
import js from "@speed-highlight/core/languages/js.js";
import json from "@speed-highlight/core/languages/json.js";
import py from "@speed-highlight/core/languages/py.js";
import rs from "@speed-highlight/core/languages/rs.js";
import sql from "@speed-highlight/core/languages/sql.js";
import toml from "@speed-highlight/core/languages/toml.js";
import ts from "@speed-highlight/core/languages/ts.js";
import yaml from "@speed-highlight/core/languages/yaml.js";
import { tokenizeWith } from "@speed-highlight/core/tokenize";
import type { Language } from "./languages";

/** A part of the code, and what it is in its language. */
export type Token = readonly [text: string, type: string | undefined];

/** Longer code is shown without colours: its patterns are not made for that. */
const MAX_LENGTH = 5000;
const languages = { bash, c, css, diff, go, html, java, js, json, py, rs, sql, toml, ts, yaml } satisfies Record<
  Language,
  unknown
>;

export function highlight(text: string, language: Language): readonly Token[] {
  if (text.length > MAX_LENGTH) return [[text, undefined]];
  const tokens: Token[] = [];
  tokenizeWith(text, language, (part, type) => tokens.push([part, type]), { languages });
  return tokens;
}
