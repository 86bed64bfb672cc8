import type { NewReport } from "@chatapp/client";
import { useId, useState } from "preact/hooks";
import { client } from "../client";
import { t } from "../texts";
import type { Values } from "../ui/form";
import { FormDialog } from "../ui/form-dialog";
import { showNotice } from "../ui/toast";

type Reason = NewReport["reason"];
type Target = { messageId: string } | { userId: string } | { chatId: string };

const MAX_LENGTH = 1000;

interface ReportProps {
  title: string;
  target: Target;
  onClose: () => void;
}

/** Reports a message, a user or a group to the moderators. */
export function Report({ title, target, onClose }: ReportProps) {
  const id = useId();
  const [reason, setReason] = useState<Reason>();
  const send = async ({ text }: Values) => {
    await client.report({ ...target, reason: reason!, ...(text && { text }) });
    onClose();
    showNotice(t.report.sent);
  };
  return (
    <FormDialog title={title} verb={t.report.send} disabled={!reason} onSubmit={send} onClose={onClose}>
      {() => (
        <>
          <fieldset class="options">
            <legend>{t.report.reason}</legend>
            {(Object.entries(t.report.reasons) as [Reason, string][]).map(([value, label]) => (
              <label key={value}>
                <input type="radio" name="reason" value={value} onChange={() => setReason(value)} />
                {label}
              </label>
            ))}
          </fieldset>
          <div class="field">
            <label for={id}>{t.report.text}</label>
            <textarea
              id={id}
              name="text"
              rows={3}
              maxLength={MAX_LENGTH}
              dir="auto"
              placeholder={t.forms.optional}
              aria-describedby={`${id}-about`}
            />
            <p id={`${id}-about`} class="about">
              {t.report.hint}
            </p>
          </div>
        </>
      )}
    </FormDialog>
  );
}
