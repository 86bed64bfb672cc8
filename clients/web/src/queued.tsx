import type { FileToSend } from "@chatapp/client";
import { Aside } from "./aside";
import { isPicture, QueuedAttachment } from "./attachment";
import { client } from "./client";
import { Text } from "./long-text";
import { Quote } from "./quote";
import type { Part } from "./row";
import { Clock, Failure, LinkButton } from "./row-parts";
import { t } from "./texts";

const kindOf = ({ data }: FileToSend) => (isPicture(data) ? "image" : "file");

/** A message of the user that is on its way, or was refused. */
export function Queued(props: Part<"pending" | "failed">) {
  const { item, isActive, isExpanded, acts } = props;
  const { queued } = item;
  const { file, content, clientId } = queued;
  return (
    <>
      <div class={`bubble ${file ? kindOf(file) : "text"} ${content ? "" : "bare"}`} dir="auto">
        <bdi class="hidden">{t.messages.you}: </bdi>
        {queued.replyTo && <Quote chatId={queued.chatId} quote={queued.replyTo} onJump={acts.jump} />}
        {file && <QueuedAttachment file={file} progress={item.state === "pending" ? item.progress : null} />}
        {content && (
          <Text itemKey={item.key} text={content} about={queued} isExpanded={isExpanded} onExpand={acts.expand} />
        )}
        {item.state === "pending" && (
          <p class="meta" dir="ltr">
            <Clock label={t.messages.sending} />
            {file && <LinkButton label={t.messages.cancel} onClick={() => client.discard(clientId)} />}
          </p>
        )}
        <Aside item={item} open={acts.open} isActive={isActive} />
      </div>
      {item.state === "failed" && (
        <Failure text={t.messages.notSent} error={item.error}>
          {item.canRetry && <LinkButton label={t.messages.tryAgain} onClick={() => client.retry(clientId)} />}
          <LinkButton label={t.messages.discard} onClick={() => client.discard(clientId)} />
        </Failure>
      )}
    </>
  );
}
