// The modules that emoji-data.ts makes.
declare module "virtual:emoji-en" {
  const groups: readonly (readonly [name: string, lines: string])[];
  export default groups;
}
declare module "virtual:emoji-de" {
  const groups: readonly (readonly [name: string, lines: string])[];
  export default groups;
}
declare module "virtual:emoji-names" {
  const lines: string;
  export default lines;
}
