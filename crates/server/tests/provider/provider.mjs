// An OpenID provider that callers get their tokens from, and that a test has a hand on: `oidc-provider` with
// clients of its own, behind a door that can be slow, shut or full of nonsense. It writes one line of JSON
// that says where it is, and ends when its standard input does.
//
// The control is a server of its own. POST a JSON object to
//   /rotate   {drop}                     new keys sign from now on; the old ones stay published unless dropped
//   /publish  {keys}                     further keys of the set, as they come
//   /behave   {delay, status, text, age} how the key set is answered; what is not said is as it should be
//   /door     {open}                     whether anybody listens at the issuer's address
//   /sign     {header, claims, by, kids} tokens that no provider would give out
//   /counts   {}                         how often the key set and the discovery document were asked for

import crypto from "node:crypto";
import { createServer } from "node:http";

import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";

const PATH = "/realms/menlo";
const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"];
const CLIENTS = ["ada", "grace"];

const counts = { keys: 0, discovery: 0 };
let behaviour = {};
let published = [];
let keys = [];
let issuer;
let provider;

async function freshKey(alg) {
  const pair = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
  const jwk = await exportJWK(pair.privateKey);
  return { ...jwk, alg, use: "sig", kid: crypto.randomUUID() };
}

async function rotate({ drop = false } = {}) {
  const fresh = await Promise.all(ALGORITHMS.map(freshKey));
  keys = drop ? fresh : [...fresh, ...keys];
  provider = new Provider(issuer, {
    jwks: { keys },
    clients: CLIENTS.map((id) => ({
      client_id: id,
      client_secret: `${id}-of-the-test`,
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
    })),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      // The resource that a client names chooses the algorithm: the last part of its path.
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          scope: "responses",
          audience: "account",
          accessTokenFormat: "jwt",
          accessTokenTTL: 600,
          jwt: { sign: { alg: resource.split("/").at(-1) } },
        }),
      },
    },
  });
  return { kids: keys.map(({ kid }) => kid) };
}

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

async function answer(request, response) {
  const path = request.url.slice(PATH.length);
  if (path === "/jwks") {
    counts.keys += 1;
    const { delay = 0, status, text, age } = behaviour;
    await pause(delay);
    if (status || text !== undefined) {
      response.writeHead(status ?? 200, { "content-type": "application/json" });
      response.end(text ?? "");
      return;
    }
    if (published.length > 0 || age !== undefined) {
      const cached = age === undefined ? {} : { "cache-control": `max-age=${age}` };
      response.writeHead(200, { "content-type": "application/jwk-set+json", ...cached });
      response.end(JSON.stringify({ keys: [...keys.map(publicPart), ...published] }));
      return;
    }
  }
  if (path === "/.well-known/openid-configuration") counts.discovery += 1;
  // The provider stands below a path, as it does in a cluster, and is not told so by a router.
  request.originalUrl = request.url;
  request.url = path;
  provider.callback()(request, response);
}

const publicPart = ({ kty, crv, n, e, x, y, alg, use, kid }) => ({ kty, crv, n, e, x, y, alg, use, kid });

const own = (alg) => keys.find((key) => key.alg === alg);
const privateKey = (jwk) => crypto.createPrivateKey({ format: "jwk", key: jwk });
const publicKey = (jwk) => crypto.createPublicKey({ format: "jwk", key: publicPart(jwk) });
const pss = { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
const strangers = {
  rsa: crypto.generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
  ec: crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
};
const hmac = (text, secret) => crypto.createHmac("sha256", secret).update(text).digest();
const exported = (format, type) => publicKey(own("RS256")).export({ format, type });

// What can stand where a signature does, by its name.
const SIGNATURES = {
  RS256: (text) => crypto.sign("sha256", text, privateKey(own("RS256"))),
  RS512: (text) => crypto.sign("sha512", text, privateKey(own("RS256"))),
  PS256: (text) => crypto.sign("sha256", text, { key: privateKey(own("PS256")), ...pss }),
  ES256: (text) =>
    crypto.sign("sha256", text, { key: privateKey(own("ES256")), dsaEncoding: "ieee-p1363" }),
  "ES256 in DER": (text) => crypto.sign("sha256", text, privateKey(own("ES256"))),
  EdDSA: (text) => crypto.sign(null, text, privateKey(own("EdDSA"))),
  "a stranger's RSA": (text) => crypto.sign("sha256", text, strangers.rsa),
  "a stranger's EC": (text) =>
    crypto.sign("sha256", text, { key: strangers.ec, dsaEncoding: "ieee-p1363" }),
  "HMAC with the PEM": (text) => hmac(text, exported("pem", "spki")),
  "HMAC with the DER": (text) => hmac(text, exported("der", "spki")),
  "HMAC with the modulus": (text) => hmac(text, Buffer.from(own("RS256").n, "base64url")),
  "HMAC with nothing": (text) => hmac(text, ""),
  "HMAC with secret": (text) => hmac(text, "secret"),
  nothing: () => Buffer.alloc(0),
  zeros: () => Buffer.alloc(64),
  noise: () => crypto.randomBytes(256),
};

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

// Header and claims are what the provider would write, changed as the test says: null takes one away, and
// a time given as `{"in": seconds}` is from now.
function sign({ header = {}, claims = {}, by = "RS256", kids = 0 }) {
  const now = Math.floor(Date.now() / 1000);
  const changed = (usual, changes) => {
    const all = Object.entries({ ...usual, ...changes }).filter(([, value]) => value !== null);
    return Object.fromEntries(
      all.map(([name, value]) => [name, typeof value?.in === "number" ? now + value.in : value]),
    );
  };
  const alg = ALGORITHMS.includes(by) ? by : "RS256";
  const one = (more) => {
    const head = changed({ alg, kid: own(alg).kid, typ: "at+jwt" }, { ...header, ...more });
    const body = changed(
      { iss: issuer, aud: "account", sub: "ada", iat: now, exp: now + 600 },
      claims,
    );
    const text = `${part(head)}.${part(body)}`;
    return `${text}.${SIGNATURES[by](Buffer.from(text)).toString("base64url")}`;
  };
  if (kids === 0) return { token: one({}) };
  return { tokens: Array.from({ length: kids }, (_, n) => one({ kid: `unknown-${n}` })) };
}

const door = createServer((request, response) => {
  answer(request, response).catch((error) => response.destroy(error));
});

const listen = (server, port) =>
  new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server.address().port)));

const ORDERS = {
  "/rotate": rotate,
  "/publish": ({ keys: more }) => ((published = more), {}),
  "/behave": (how) => ((behaviour = how), {}),
  "/door": async ({ open }) => {
    if (open === door.listening) return {};
    if (open) return { port: await listen(door, new URL(issuer).port) };
    const closed = new Promise((resolve) => door.close(resolve));
    door.closeAllConnections();
    await closed;
    return {};
  },
  "/sign": sign,
  "/counts": () => counts,
};

const control = createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  try {
    const done = await ORDERS[request.url](JSON.parse(text || "{}"));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(done));
  } catch (error) {
    response.writeHead(500);
    response.end(String(error?.stack));
  }
});

const port = await listen(door, 0);
issuer = `http://127.0.0.1:${port}${PATH}`;
await rotate();
const controls = await listen(control, 0);
process.stdout.write(`${JSON.stringify({ issuer, control: `http://127.0.0.1:${controls}/` })}\n`);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
