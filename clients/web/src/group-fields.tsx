import type { Chat } from "@chatapp/client";
import { checkDescription, checkGroupName } from "./checks";
import type { FieldErrors } from "./error-text";
import { type PictureChange, PictureField } from "./picture-field";
import { t } from "./texts";
import { Field } from "./ui/field";
import type { Values } from "./ui/form";

export const GROUP_CHECKS = { name: checkGroupName, description: checkDescription };

export const groupOf = ({ name = "", description }: Values) => ({ name, description: description || null });

interface GroupFieldsProps {
  chat?: Chat;
  errors: FieldErrors;
  picture: PictureChange;
  onPicture: (picture: PictureChange) => void;
}

/** Stands for the id that a new group is still to get. */
const NEW_GROUP = "0";

/** The fields for a group's name, description and picture. */
export function GroupFields({ chat, errors, picture, onPicture }: GroupFieldsProps) {
  return (
    <>
      <PictureField
        id={chat?.id ?? NEW_GROUP}
        name={chat?.name ?? t.groups.newGroup}
        picture={chat?.avatar ?? null}
        kind="group"
        change={picture}
        onChange={onPicture}
      />
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
    </>
  );
}
