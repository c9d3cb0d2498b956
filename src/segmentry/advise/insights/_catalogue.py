"""Every insight, declared once: its code, when it is said, what it means, what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Severity = Literal["opportunity", "problem", "caution", "note"]


@dataclass(frozen=True, slots=True)
class InsightKind:
    """One kind of insight.

    Parameters
    ----------
    code : str
        "SEG-001"; never given to another kind.
    title : str
    severity : {"opportunity", "problem", "caution", "note"}
    rule : str
        When it is said; whole sentences with the thresholds.
    meaning : str
        What it means and what it does not.
    action : str
        What to do.
    needs : str
        What must be there to look for it, or empty.
    data : {"clicks", "no clicks", "any"}
        Of which data it is an insight at all.
    is_held_out : bool
        Whether its action shows by who is left alone: a test of clicks would not tell it.
    """

    code: str
    title: str
    severity: Severity
    rule: str
    meaning: str
    action: str
    needs: str = ""
    data: Literal["clicks", "no clicks", "any"] = "clicks"
    is_held_out: bool = False

    @property
    def link(self) -> str:
        """Where it is described."""
        return f"docs/reference/insights.md#{self.code.lower()}"

    def test_of(self, segment_ids: str = "") -> str:
        """Return the command that sets up a randomised test on segments; on all if none is named.

        Half of the users, at random, are left alone where a test of clicks would not show it.

        Examples
        --------
        >>> CODES["SEG-001"].test_of("1")
        'segmentry plan test RUN_DIR --segments 1 --metric ctr --mde 5%'
        >>> CODES["SEG-018"].test_of("1")
        'segmentry export audience RUN_DIR --segment 1 --hold-out 50% --out audience.csv'
        """
        if self.is_held_out:
            which = f" --segment {segment_ids}"
            return f"segmentry export audience RUN_DIR{which} --hold-out 50% --out audience.csv"
        which = f" --segments {segment_ids}" if segment_ids else ""
        return f"segmentry plan test RUN_DIR{which} --metric ctr --mde 5%"


LATER = "a check on later days"
LOG = "segments counted against the log"
_VALUE = "values of the events"
_TIME = "times of the events"
SHOP = "the behaviour log (`--with behaviours`)"

INSIGHTS = (
    InsightKind(
        "SEG-001",
        "High value, confirmed",
        "opportunity",
        "The verdict is “confirmed” and the lower end of the forecast index is above 110.",
        "Its users clicked more than all others on days that had no part in forming the segment, "
        "and at least half of the difference survived.",
        "Give these users more of the budget, and measure what it brings by a randomised test.",
        LATER,
    ),
    InsightKind(
        "SEG-002",
        "High value, not confirmed",
        "caution",
        "The CTR seen is at least 1.2 times that of all users (lower end of its interval), and the "
        "verdict is not “confirmed”.",
        "On the days that formed it the segment clicked much; later days do not confirm that as "
        "much is left. Luck forms such segments even where all users are alike.",
        "Do not pay for the rate that was seen; plan with the one that is expected.",
    ),
    InsightKind(
        "SEG-003",
        "Silent in spite of enough exposure",
        "problem",
        "The verdict is “confirmed”, the upper end of the forecast index is at most 60, and at the "
        "CTR of all users 3 clicks or more were to be expected of the median user.",
        "So many impressions with so few clicks are no luck. It does not say that these users are "
        "lost: they may buy without clicking.",
        "Try other creatives and offers on a part of them before paying for more of the same.",
        LATER,
    ),
    InsightKind(
        "SEG-004",
        "Under-exposed: too few impressions to judge",
        "note",
        "At the CTR of all users less than 1 click was to be expected of the median user. Where "
        "that is so of all users and of more than one segment, it is said once.",
        "That such a user did not click says next to nothing: most would not, whoever they are.",
        "Do not write these users off; show them enough to judge, or treat them as all users.",
    ),
    InsightKind(
        "SEG-005",
        "Over-exposed with falling CTR",
        "problem",
        "Its users have at least 1.5 times the impressions of all users, the odds of a click fall "
        "with each doubling of exposure (upper end below 1, within users), and exposure was not "
        "found to react to clicks.",
        "The same users click less the more they have been shown. It is still observational.",
        "Cap the frequency for a part of them and compare.",
        LOG,
    ),
    InsightKind(
        "SEG-006",
        "Much exposure, few clicks",
        "problem",
        "The segment has at least 1.5 times its share of impressions, the verdict is “confirmed”, "
        "and the upper end of the forecast index is below 90.",
        "Much of the inventory goes where least clicks come from.",
        "Move impressions to others, cap the frequency, change the creatives; test which.",
        LATER,
    ),
    InsightKind(
        "SEG-007",
        "Price mismatch",
        "caution",
        "In a price band with at least 20 % of the segment's impressions it clicks less than its "
        "own level and the band's foretell (upper end of the CTR index below 90), and in another "
        "band more (lower end above 110).",
        "What it is shown is not priced as what it clicks.",
        "Shift its impressions towards the band it clicks, and test.",
        LOG,
    ),
    InsightKind(
        "SEG-008",
        "Placement or time of day makes a difference",
        "note",
        "At some placement or hour the segment clicks more than its own level and the place's "
        "foretell (lower end of the CTR index above 110).",
        "A preference of this segment beyond what holds for all users.",
        "Weight its placements or hours accordingly, and test.",
        LOG,
    ),
    InsightKind(
        "SEG-009",
        "Category affinity",
        "opportunity",
        "In some category the segment clicks more than its own level and the category's foretell "
        "(lower end of the CTR index above 120).",
        "A taste of this segment. Whether it helps to choose by it is measured on later clicks.",
        "Feed the affinities to recommendations for this segment, and test.",
        LOG,
    ),
    InsightKind(
        "SEG-010",
        "Demographic skew",
        "note",
        "A known level of a demographic feature holds at least 10 % of the segment and is "
        "over-represented by 20 % or more (lower end of the index), with a false discovery rate "
        "below 5 % where it did not form the segments.",
        "Describes who they are. It is no reason for what they do.",
        "Use it for the tone of a message; do not target by it without a test, nor where the law "
        "forbids it.",
        data="any",
    ),
    InsightKind(
        "SEG-011",
        "Unstable segment",
        "caution",
        "On all days less than 75 % of the users of the feature window's segment and of this one "
        "are common to both (Jaccard), or the segment was not found before.",
        "Whom the segment holds depends on which days are looked at. On the same days it may still "
        "come back with other users: that is what the report calls stable.",
        "Do not build an audience on it; treat its users with their neighbours.",
        LATER,
    ),
    InsightKind(
        "SEG-012",
        "Tiny segment",
        "caution",
        "The segment holds fewer users than may be shown (`--min-size`), or less than 1 % of all.",
        "Too few for figures, for a campaign, or for a test.",
        "Ask for fewer segments, or treat these users with the nearest segment.",
        data="any",
    ),
    InsightKind(
        "SEG-013",
        "Missing-data segment",
        "caution",
        "At least 90 % of its users have an unknown value of some feature, and less than 90 % of "
        "all users have.",
        "What sets it apart is that little is known of it, not what its users do.",
        "Do not read it as a kind of user; mend the profile data or leave those features out.",
        data="any",
    ),
    InsightKind(
        "SEG-014",
        "Nothing to tell apart",
        "note",
        "The run answers with one segment.",
        "No division of the users holds up by its rule. That is a finding.",
        "Treat all users alike, or bring other features.",
        data="any",
    ),
    InsightKind(
        "SEG-015",
        "No clicks",
        "note",
        "A segment, or the whole log, has impressions and no click.",
        "A click rate of zero has an upper end above zero: see its interval. Where users without a "
        "click were put together, it tells nothing of later days: see the rate to be expected.",
        "Bring a longer window before anything is concluded.",
    ),
    InsightKind(
        "SEG-016",
        "Reversed on later days",
        "problem",
        "The verdict is “reversed”.",
        "It seemed to click less than all others and later clicked more, or the other way round: "
        "acting on what was seen would have been worse than not segmenting. Who is put together "
        "for having had no luck, or much, is later like others of the kind.",
        "Do not act on the click rate that was seen; plan with the expected one.",
        LATER,
    ),
    InsightKind(
        "SEG-017",
        "Most of the value",
        "opportunity",
        "The segment brings at least 1.5 times its share of the total value, and its mean value "
        "per user lies above that of all users (95 % interval).",
        "Few users carry much of the value. It says what they brought, not what they will bring.",
        "Keep these users: serve them first, and measure what an offer adds: make it to a random "
        "half of them, and compare what both halves bring.",
        _VALUE,
        data="no clicks",
        is_held_out=True,
    ),
    InsightKind(
        "SEG-018",
        "Not seen for long",
        "caution",
        "Three quarters of its users have been away for longer than the median of all users, and "
        "their mean lies above that of all users (95 % interval).",
        "They may be gone, or may come seldom by habit: who bought once is most often here.",
        "Try to win back a random half of them and leave the others alone; spend on all only if "
        "more of that half come back, by enough to pay for it.",
        _TIME,
        data="no clicks",
        is_held_out=True,
    ),
    InsightKind(
        "SEG-019",
        "Heavy browsers who seldom click ads",
        "caution",
        "Page views per user are at least 1.5 times those of all users (lower end of the index), "
        "the verdict is “confirmed”, and the upper end of the forecast index of clicks is below "
        "90.",
        "They are in the shop much and answer to ads little. It does not say that ads have no "
        "effect on them: what is seen may be bought without a click.",
        "Reach them in the shop itself, or by other creatives, and compare with a group that is "
        "left alone.",
        SHOP,
        is_held_out=True,
    ),
    InsightKind(
        "SEG-020",
        "Buyers who ignore ads",
        "opportunity",
        "On later days its users bought on more days than all users (verdict on purchases "
        "“confirmed”, lower end of the rate above that of all), and click less (verdict "
        "“confirmed”, upper end of the forecast index below 90).",
        "They buy much and click little: most of what they buy does not come by a click. Whether "
        "it would have been bought without the ads is not known from a log.",
        "Do not pay for these clicks and impressions without a test: leave the ads out for a part "
        "of them, and see whether they buy less.",
        SHOP,
        is_held_out=True,
    ),
    InsightKind(
        "SEG-021",
        "Cart abandoners",
        "opportunity",
        "Of the categories put in the cart at most 0.8 times the share of all users was bought "
        "at or after the first cart (upper end). Where purchases formed the segments, later days "
        "must confirm that it buys less.",
        "What is in the cart is left there more than by others. Users who do little in the shop "
        "leave more of it too, and a purchase after the window is not known.",
        "Remind a part of them of what is in the cart, and compare with those who were not.",
        SHOP,
        is_held_out=True,
    ),
    InsightKind(
        "SEG-022",
        "Brand-loyal",
        "note",
        "The chance that two page views of a user are of the same brand is at least 1.25 times "
        "that of all users (lower end of the index); it does not depend on how much is viewed.",
        "They come back to the same brands.",
        "Show them news of these brands rather than others, and test.",
        SHOP,
    ),
    InsightKind(
        "SEG-023",
        "Category explorers",
        "note",
        "The chance that two page views of a user are of the same category is at most 0.8 times "
        "that of all users (upper end of the index); it does not depend on how much is viewed.",
        "They look around rather than for one thing.",
        "Show them a wide range, and test.",
        SHOP,
    ),
)

CODES: Mapping[str, InsightKind] = MappingProxyType({kind.code: kind for kind in INSIGHTS})
"""Every insight by its code."""
