// Two people talk, through the client that a generator made of the OpenAPI document: conversation.js <url>
import { AuthApi, ChatsApi, Configuration, MessagesApi, ResponseError, type Me } from "./generated/index.js";

declare const process: { argv: string[] };
const url = process.argv[2] ?? "";

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Does not hold: ${what}`);
}

/** A new account, and how its owner reaches the server. */
async function account(prefix: string): Promise<{ user: Me; configuration: Configuration }> {
  const username = `${prefix}_${crypto.randomUUID().slice(0, 8)}`;
  const register = { email: `${username}@example.org`, username, password: "Correct4Horse" };
  const { data } = await new AuthApi(new Configuration({ basePath: url })).register({ register });
  return { user: data.user, configuration: new Configuration({ basePath: url, accessToken: data.accessToken }) };
}

const [alice, bob] = [await account("alice"), await account("bob")];
const newDirectChat = { userId: bob.user.id };
const { data: chat } = await new ChatsApi(alice.configuration).createDirectChat({ newDirectChat });
const content = "Grüße, 你好 😀\nÀ demain\t– bye";
const { data: sent } = await new MessagesApi(alice.configuration).sendMessage({ sendMessage: { chatId: chat.id, content } });
check(sent.content === content && sent.createdAt instanceof Date, "the content comes back");
const { data: page } = await new MessagesApi(bob.configuration).listMessages({ id: chat.id, limit: 10 });
check(page[0]?.id === sent.id && page[0].content === content, "Bob reads it");
const refused = await new MessagesApi(bob.configuration).editMessage({ id: sent.id, patchMessage: { content: "x" } }).then(
  () => null,
  (error: ResponseError) => error.response.json(),
);
check(refused?.code === "forbidden", "the error has its code");
console.log("done");
