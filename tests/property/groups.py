"""The model's rules for groups: permissions, and the succession of ADMINs."""

from tests.property.transport import NOT_FOUND, Refused
from tests.property.world import Position, Room, World


class Groups(World):
    """A model with memberships."""

    def administered(self, who: str, chat: str) -> Room:
        """A group, for one of its ADMINs."""
        room = self.group(who, chat)
        if room.members[who].role != "ADMIN":
            raise Refused(403, "forbidden")
        return room

    def group(self, who: str, chat: str) -> Room:
        """A group that the user is a member of."""
        room = self.room(who, chat)
        if room.type != "GROUP":
            raise Refused(409, "not_a_group")
        return room

    def rename(self, who: str, chat: str, name: str) -> Room:
        """A new name is a change; the name that the group already has is none."""
        room = self.administered(who, chat)
        room.rev += name != room.name
        room.name = name
        return room

    def delete_group(self, who: str, chat: str) -> None:
        """Every ADMIN can delete a group."""
        self.end(self.administered(who, chat))

    def add(self, who: str, chat: str, whom: str) -> Position:
        """A new member starts at the newest message."""
        room = self.administered(who, chat)
        if whom in room.members:
            raise Refused(409, "conflict")
        room.rev += 1
        newest = len(room.notes)
        room.members[whom] = Position(joined=newest, delivered=newest, read=newest)
        return room.members[whom]

    def remove(self, who: str, chat: str, whom: str) -> None:
        """An ADMIN can remove every member, including themselves."""
        room = self.administered(who, chat)
        if whom not in room.members:
            raise NOT_FOUND
        self._depart(room, whom)

    def leave(self, who: str, chat: str) -> None:
        """Every member can leave."""
        self._depart(self.group(who, chat), who)

    def set_role(self, who: str, chat: str, whom: str, role: str) -> Position:
        """A group keeps an ADMIN; setting the current role changes nothing."""
        room = self.administered(who, chat)
        if whom not in room.members:
            raise NOT_FOUND
        position = room.members[whom]
        if position.role == role:
            return position
        if role == "MEMBER" and [p.role for p in room.members.values()].count("ADMIN") == 1:
            raise Refused(409, "last_admin")
        room.rev += 1
        position.role = role
        return position

    def _depart(self, room: Room, whom: str) -> None:
        """The longest-standing member succeeds the last ADMIN; the last member has no successor."""
        del room.members[whom]
        room.rev += 1
        if not room.members:
            self.end(room)
        elif all(position.role != "ADMIN" for position in room.members.values()):
            heir = min(room.members, key=lambda member: (room.members[member].joined_at, member))
            room.members[heir].role = "ADMIN"
            room.rev += 1
