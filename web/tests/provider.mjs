// A real OpenID Connect provider for tests: `node provider.mjs REDIRECT_URI [LOGOUT_URI]` says its issuer in one line of standard output, and
// ends with its standard input.
//
// Whoever signs in types a name; their groups are what `POST /test/people` was last told (`{"ann": {"groups": ["ops"]}}`), and what stands in
// `id_token` there is put into ID tokens. `POST /test/options` with `{"away": "hangs" | "garbage" | "huge"}` makes it ill.

import { createServer } from "node:http";

import { Provider } from "oidc-provider";

const [redirectUri, logoutUri] = process.argv.slice(2);
const people = {};
const options = { away: "" };

// Whoever has read where it is reads no more.
process.stdout.on("error", () => undefined);
const server = createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
// Another site than 127.0.0.1 for a browser, so that what it sends across sites is put to the test.
const issuer = `http://localhost:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "chiffon",
      client_secret: "a-secret-of-the-tests",
      redirect_uris: [redirectUri],
      post_logout_redirect_uris: logoutUri === undefined ? [] : [logoutUri],
      grant_types: ["authorization_code", "refresh_token"],
    },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username"], groups: ["groups"] },
  scopes: ["openid", "profile", "groups", "offline_access"],
  conformIdTokenClaims: process.env.CLAIMS_IN_ID_TOKEN !== "1",
  pkce: { required: () => true },
  issueRefreshToken: async () => process.env.NO_REFRESH !== "1",
  rotateRefreshToken: true,
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ["of the tests"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: people[id]?.name ?? id, groups: people[id]?.groups ?? [] }),
  }),
});
provider.on("server_error", (_, error) => console.error(error));

const ill = {
  hangs: () => undefined,
  garbage: (response) => response.end("<html>not what was asked for</html>"),
  huge: (response) => {
    response.setHeader("content-type", "application/json");
    const more = () => {
      while (response.write(" ".repeat(65536)));
    };
    response.on("drain", more);
    more();
  },
};

async function told(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}

server.on("request", async (request, response) => {
  if (request.url === "/test/people") Object.assign(people, await told(request));
  else if (request.url === "/test/options") Object.assign(options, await told(request));
  else if (options.away !== "") return ill[options.away](response);
  else return provider.callback()(request, response);
  response.end("{}");
});
process.stdin.on("end", () => process.exit()).resume();
console.log(issuer);
