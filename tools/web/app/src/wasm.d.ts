declare module "remote-link.wasm?url" {
  const url: string;
  export default url;
}
