// Starts one third-party MCP server over streamable HTTP and says where on standard output. It
// ends when its standard input does, so it never outlives the test that started it.
//
//   node servers.mjs everything|stateless|modern [port]

import { createServer } from 'node:http';
import { connect } from 'node:net';

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));

// The reference server: sessions, event streams that can be taken up again. It takes the port
// from the environment only, so a free one is found for it.
async function everything(wanted) {
  const probe = createServer();
  await new Promise((ready) => probe.listen(wanted, '127.0.0.1', ready));
  const { port } = probe.address();
  await new Promise((closed) => probe.close(closed));
  process.env.PORT = String(port);
  console.log = console.error;
  await import('@modelcontextprotocol/server-everything/dist/transports/streamableHttp.js');
  // It does not say when it listens.
  while (!(await connects(port))) {
    await new Promise((later) => setTimeout(later, 20));
  }
  return port;
}

function connects(port) {
  return new Promise((known) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => known(true)).once('error', () => known(false));
    socket.once('connect', () => socket.end());
  });
}

async function listen(handler, wanted) {
  const server = createServer(handler);
  await new Promise((ready) => server.listen(wanted, '127.0.0.1', ready));
  return server.address().port;
}

// The first SDK without sessions: a handshake that leaves nothing behind, answers in JSON.
async function stateless(wanted) {
  const { McpServer } = await import('@modelcontextprotocol/sdk/server/mcp.js');
  const { StreamableHTTPServerTransport } = await import('@modelcontextprotocol/sdk/server/streamableHttp.js');
  return listen(async (request, response) => {
    const server = new McpServer({ name: 'stateless', version: '1.0.0' });
    await register(server);
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
    await server.connect(transport);
    await transport.handleRequest(request, response);
  }, wanted);
}

// The second SDK, which speaks the protocol of 2026 and nothing older.
async function modern(wanted) {
  const { McpServer, createMcpHandler } = await import('@modelcontextprotocol/server');
  const { toNodeHandler } = await import('@modelcontextprotocol/node');
  const handler = createMcpHandler(
    async () => {
      const server = new McpServer({ name: 'modern', version: '1.0.0' });
      await register(server);
      return server;
    },
    { legacy: 'reject' },
  );
  return listen(toNodeHandler(handler), wanted);
}

async function register(server) {
  const { z } = await import('zod');
  const input = z.object({
    a: z.number(),
    b: z.number(),
    unit: z.string().meta({ 'x-mcp-header': 'Unit' }).optional(),
    user_id: z.string(),
  });
  server.registerTool('add', { description: 'Adds two numbers', inputSchema: input }, async ({ a, b, unit, user_id }) => ({
    content: [{ type: 'text', text: `${a + b} ${unit ?? 'pieces'} for ${user_id}` }],
  }));
  server.registerTool('fail', { description: 'Always fails', inputSchema: z.object({}) }, async () => {
    throw new Error('the tool broke');
  });
  server.registerTool('wait', { description: 'Reports progress', inputSchema: z.object({}) }, async (_args, context) => {
    const notify = context.mcpReq?.notify ?? context.sendNotification;
    const token = context.mcpReq?._meta?.progressToken ?? context._meta?.progressToken;
    for (let progress = 1; progress <= 3; progress++) {
      await notify({ method: 'notifications/progress', params: { progressToken: token, progress, total: 3 } });
    }
    return { content: [{ type: 'text', text: `reported to ${token}` }] };
  });
}

const servers = { everything, stateless, modern };
const start = servers[process.argv[2]];
if (!start) {
  console.error(`unknown server; one of: ${Object.keys(servers).join(', ')}`);
  process.exit(2);
}
process.stdout.write(`ready on ${await start(Number(process.argv[3] ?? 0))}\n`);
