/** gen/ts lies outside of this folder and finds the package by its name. */
import { fileURLToPath } from "node:url";

const protobuf = fileURLToPath(new URL("node_modules/@bufbuild/protobuf/dist/esm", import.meta.url));
export const aliases = [
  { find: /^@bufbuild\/protobuf$/, replacement: `${protobuf}/index.js` },
  { find: /^@bufbuild\/protobuf\/codegenv2$/, replacement: `${protobuf}/codegenv2/index.js` },
];
