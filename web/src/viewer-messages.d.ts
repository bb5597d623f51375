declare module "*.json?viewer" {
  const messages: Record<string, string>;
  export default messages;
}
