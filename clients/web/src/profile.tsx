import { useState } from "preact/hooks";
import { checkPicture, checkUsername } from "./checks";
import { client, useMe } from "./client";
import { dateOf } from "./format";
import { PictureField } from "./picture-field";
import { t } from "./texts";
import { Avatar } from "./ui/avatar";
import { Field } from "./ui/field";
import type { Values } from "./ui/form";
import { FormDialog } from "./ui/form-dialog";
import { showNotice } from "./ui/toast";

const CHECKS = { username: checkUsername, avatar: checkPicture };

/** The dialog to change one's username and picture. */
export function Profile({ onClose }: { onClose: () => void }) {
  const me = useMe();
  const [picture, setPicture] = useState(me.avatar);
  const save = async ({ username = "", avatar }: Values) => {
    await client.updateMe({ username, avatar: avatar || null });
    onClose();
    showNotice(t.profile.saved);
  };
  return (
    <FormDialog title={t.profile.title} verb={t.forms.save} checks={CHECKS} onSubmit={save} onClose={onClose}>
      {(errors) => (
        <>
          <div class="self">
            <Avatar id={me.id} name={me.username} picture={picture} size="large" />
            <p>
              <b>{me.username}</b>
              <span>{me.email}</span>
              <span class="quiet">{t.profile.joinedOn(dateOf(me.createdAt))}</span>
            </p>
          </div>
          <Field
            label={t.forms.username}
            name="username"
            autocomplete="username"
            spellcheck={false}
            defaultValue={me.username}
            hint={t.forms.usernameHint}
            error={errors["username"]}
          />
          <PictureField picture={me.avatar} error={errors["avatar"]} onChange={setPicture} />
        </>
      )}
    </FormDialog>
  );
}
