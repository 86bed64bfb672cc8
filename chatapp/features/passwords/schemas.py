"""Schemas of changed and reset passwords."""

from chatapp.core.schemas import Input, Text
from chatapp.features.auth.schemas import NewPassword

# 32 bytes in base64url.
CODE_LENGTH = 43


class ChangePasswordSchema(Input):
    """The current password of the account, and the new one."""

    current_password = Text(
        max_length=1024,
        trim=False,
        required=True,
        data_key="currentPassword",
        load_only=True,
        metadata={"description": "The current password.", "example": "Correct4Horse"},
    )
    new_password = NewPassword(data_key="newPassword")


class ResetPasswordSchema(Input):
    """The code of a reset link, and the new password."""

    # Opaque to clients: any text that is not a code is an invalid code, not an invalid field.
    code = Text(
        max_length=1024,
        required=True,
        load_only=True,
        metadata={"description": "The code of the link. It can be used once.", "example": "x" * CODE_LENGTH},
    )
    new_password = NewPassword(data_key="newPassword")
