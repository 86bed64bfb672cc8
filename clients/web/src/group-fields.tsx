import type { Chat } from "@chatapp/client";
import { checkDescription, checkGroupName, checkPicture } from "./checks";
import type { FieldErrors } from "./error-text";
import { PictureField } from "./picture-field";
import { t } from "./texts";
import { Field } from "./ui/field";
import type { Values } from "./ui/form";

export const GROUP_CHECKS = { name: checkGroupName, description: checkDescription, avatar: checkPicture };

export const groupOf = ({ name = "", description, avatar }: Values) => ({
  name,
  description: description || null,
  avatar: avatar || null,
});

/** The fields for a group's name, description and picture. */
export function GroupFields({ chat, errors }: { chat?: Chat; errors: FieldErrors }) {
  return (
    <>
      <Field
        label={t.forms.groupName}
        name="name"
        maxLength={100}
        autofocus
        defaultValue={chat?.name ?? ""}
        error={errors["name"]}
      />
      <Field
        label={t.forms.description}
        name="description"
        maxLength={500}
        placeholder={t.forms.optional}
        defaultValue={chat?.description ?? ""}
        error={errors["description"]}
      />
      <PictureField picture={chat?.avatar} error={errors["avatar"]} />
    </>
  );
}
