// Builds dist/ when the package is made from its folder (`npm pack <folder>`). npm does not install the dependencies of
// such a folder, so they are installed first where they are missing.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("..", import.meta.url));
const COMPILER = new URL("../node_modules/typescript/bin/tsc", import.meta.url);

if (!existsSync(COMPILER)) {
  // Without scripts: this is one. The settings of the npm that runs it are about another folder.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !isSettingOfFolder(name)));
  run([process.env.npm_execpath, "ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"], env);
}
// No module stays that has no source any more.
rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
run([fileURLToPath(COMPILER), "-p", "tsconfig.build.json"], process.env);

function isSettingOfFolder(name) {
  return /^npm_config_(prefix|local_prefix|global|workspaces?|include|omit|install_links|save.*)$/i.test(name);
}

function run(command, env) {
  const { status } = spawnSync(process.execPath, command, { cwd: FOLDER, env, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
