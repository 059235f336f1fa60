"""What was asked for wrongly, by field: those who show it put it into a problem document or beside the fields."""

from gateway.rules.faults import Fault, ItemErrors


class WrongFields(Exception):  # noqa: N818
    """Fields that make no sense: as many codes as sentences, by their names."""

    def __init__(self, errors: ItemErrors) -> None:
        super().__init__("; ".join(f"{name} {'; '.join(words)}" for name, words in errors.fields.items()))
        self.fields = errors.fields
        self.codes = errors.codes

    @classmethod
    def of(cls, name: str, fault: Fault) -> "WrongFields":
        """Of one field."""
        return cls(ItemErrors.of(name, fault))
