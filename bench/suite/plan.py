"""How much is measured: for a number to rely on, or quickly, to see that everything works."""

import dataclasses


@dataclasses.dataclass
class Plan:
    rounds: int = 7
    quick: bool = False

    def seconds(self, full):
        return min(full, 0.5) if self.quick else full

    def flows(self, full):
        return full // 20 if self.quick else full

    def fewer(self, full):
        """Rounds of what takes long."""
        return min(self.rounds, full)


def say(text):
    print(text, flush=True)
