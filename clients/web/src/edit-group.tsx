import type { Chat } from "@chatapp/client";
import { client } from "./client";
import { GROUP_CHECKS, GroupFields, groupOf } from "./group-fields";
import { t } from "./texts";
import type { Values } from "./ui/form";
import { FormDialog } from "./ui/form-dialog";

/** Change a group's name, description and picture. */
export function EditGroup({ chat, onClose }: { chat: Chat; onClose: () => void }) {
  const save = async (values: Values) => {
    await client.updateGroup(chat.id, groupOf(values));
    onClose();
  };
  return (
    <FormDialog title={t.groups.edit} verb={t.forms.save} checks={GROUP_CHECKS} onSubmit={save} onClose={onClose}>
      {(errors) => <GroupFields chat={chat} errors={errors} />}
    </FormDialog>
  );
}
