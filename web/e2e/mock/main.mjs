/** `npm run mock`: the pages with made-up data, to work on their looks. Open `/mock/media` in a second tab for a picture. */
import { startMock } from "./server.mjs";

const { url } = await startMock({ port: Number(process.env.PORT ?? 4180), signedIn: true });
console.log(`The mock listens on ${url}`);
