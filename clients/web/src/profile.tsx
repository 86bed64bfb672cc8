import { useState } from "preact/hooks";
import { checkDisplayName, checkUsername } from "./checks";
import { client, useMe } from "./client";
import { pictureFileName } from "./files";
import { dateOf, handleOf, nameOf } from "./format";
import { type PictureChange, PictureField } from "./picture-field";
import { t } from "./texts";
import { Field } from "./ui/field";
import type { Values } from "./ui/form";
import { FormDialog } from "./ui/form-dialog";
import { showNotice } from "./ui/toast";

const CHECKS = { displayName: checkDisplayName, username: checkUsername };

/** The dialog to change one's names and picture. */
export function Profile({ onClose }: { onClose: () => void }) {
  const me = useMe();
  const [picture, setPicture] = useState<PictureChange>();
  const save = async ({ username = "", displayName }: Values) => {
    if (picture) {
      const { file, crop } = picture;
      await client.setAvatar({ data: file, name: pictureFileName(file) }, { crop });
    } else if (picture === null) await client.removeAvatar();
    setPicture(undefined);
    await client.updateMe({ username, displayName: displayName || null });
    onClose();
    showNotice(t.profile.saved);
  };
  return (
    <FormDialog title={t.profile.title} verb={t.forms.save} checks={CHECKS} onSubmit={save} onClose={onClose}>
      {(errors) => (
        <>
          <PictureField id={me.id} name={nameOf(me)} picture={me.avatar} change={picture} onChange={setPicture} />
          <p class="self">
            <bdi>{me.email ?? handleOf(me)}</bdi>
            <span>{t.profile.joinedOn(dateOf(me.createdAt))}</span>
          </p>
          <Field
            label={t.forms.displayName}
            name="displayName"
            autocomplete="name"
            placeholder={me.username}
            defaultValue={me.displayName ?? ""}
            hint={t.forms.displayNameHint}
            error={errors["displayName"]}
          />
          <Field
            label={t.forms.username}
            name="username"
            autocomplete="username"
            spellcheck={false}
            defaultValue={me.username}
            hint={t.forms.usernameHint}
            error={errors["username"]}
          />
        </>
      )}
    </FormDialog>
  );
}
