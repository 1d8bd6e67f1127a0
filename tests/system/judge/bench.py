"""Rounds of lives: each is played, judged once it is quiet, and let go."""

import time
from random import Random

from harness.compare import flow_key
from harness.wait import until
from judge import life
from judge.look import Sample, Verdict, look
from judge.loss import Loss
from judge.play import Play

# A round must be judged within the 60 s that TIME_WAIT and an orphan's FIN_WAIT_2 last, from the first end on.
_WITH_LOSS = 8.0
_PATIENCE = 30.0
# Everything has been let go, so TIME_WAIT is the last to go; Linux' timers for it are up to some seconds late.
_MEMORY = 90.0


def settings(mode):
    """Nothing is reset, or given up, while it is looked at; nor by conntrack, to which a FIN that is repeated after it has
    forgotten the connection (30 s, in LAST_ACK) is invalid, so that its acknowledgment would pass unseen."""
    stages = ("fin_wait_1", "fin_wait_2", "closing")
    return {"intercept": {"packets": mode}, "timeouts": {stage: "10m" for stage in stages},
            "conntrack": {"manage_timeouts": True}}


class Bench:
    def __init__(self, daemon, seed, loss=0.0, size=400, at_once=True):
        self.daemon = daemon
        self.known = Sample(daemon.lab).keys()  # what went before may still be in TIME_WAIT
        self.lost = {"before": 0, "behind": 0}
        self.verdict = Verdict()
        self._seed = seed
        self._loss = loss
        self._at_once = at_once
        self._size = size  # of a round
        self._begun = 0

    def judge(self, connections):
        while connections > 0:
            self._round(min(connections, self._size))
            connections -= self._size
        return self.verdict

    def _round(self, count):
        lives = [self._life(self._begun + i) for i in range(count)]
        self._begun += count
        loss = Loss(self.daemon.lab, self._loss)
        with loss:
            play = Play(self.daemon.lab, lives, Random(f"{self._seed} {self._begun}"), spread=count / 500)
            left = {actor.key: actor.life for actor in play.actors}
            self.known |= set(left)
            # A receiver that is silent after an RST is believed to have taken it after most of a second.
            time.sleep(1)
            left = self._look_until_quiet(left, _WITH_LOSS if self._loss else _PATIENCE)
        # What retransmits even now has backed off for long; its next attempt gets through.
        self._give_up(self._look_until_quiet(left, _PATIENCE))
        self.verdict.cut_short += sum(actor.cut_short for actor in play.actors)
        for place, segments in loss.lost.items():
            self.lost[place] += segments
        play.close()

    def _life(self, number):
        return life.make(Random(f"{self._seed} life {number}"), 4 if number % 2 else 6, self._loss > 0, self._at_once)

    def _look_until_quiet(self, lives, seconds):
        """Judges the connections {key: life} as they become quiet; returns those that have not."""
        deadline = time.monotonic() + seconds
        while lives and time.monotonic() < deadline:
            lives = look(self.daemon, lives, self.verdict)
            time.sleep(0.1 if lives else 0)
        return lives

    def _give_up(self, lives):
        sample = Sample(self.daemon.lab)
        self.verdict.unsettled += [(key, str(life), sample.of(key)) for key, life in lives.items()]

    def strays(self):
        """What ss or the list shows of connections that nobody made, in words."""
        sample, listed = Sample(self.daemon.lab), {flow_key(flow) for flow in self.daemon.flows()}
        found = [(key, "in ss") for key in sample.keys() - self.known]
        found += [(key, "listed") for key in listed - self.known]
        return [f"NOBODY'S {key}: {where}" for key, where in found]

    def forget(self):
        """Waits until the endpoints and the list have forgotten everything; what either still has then, in words."""
        until(lambda: not self._remembered(), _MEMORY, 1)
        return self._remembered()

    def _remembered(self):
        sample = Sample(self.daemon.lab)
        texts = [f"STILL THERE {key}: {'/'.join(sample.of(key).states())} in ss" for key in sample.keys()]
        for flow in self.daemon.flows():
            texts.append(f"STILL LISTED {flow_key(flow)}: {flow['client']['state']}/{flow['server']['state']}")
        return texts
