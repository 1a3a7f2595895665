//! No text ends planning: whatever is typed comes to a plan, a question or a refusal, and in a short time.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chiffon_planning::planner::offline::OfflinePlanner;
use chiffon_planning::planner::{Planned, Planner, PlanningInput, Turn};
use chiffon_plans::domain::catalogue::Catalogue;
use chiffon_plans::domain::fleet::Fleet;
use chiffon_plans::domain::plan::PlanDocument;
use chiffon_protocol::ErrorCode;
use chiffon_testkit::CpuInstant;
use proptest::prelude::*;

use crate::invented::{catalogue, fleet, request};
use crate::story::shipped;

struct House {
    planner: OfflinePlanner,
    catalogue: Arc<Catalogue>,
    fleet: Arc<Fleet>,
}

impl House {
    fn new(catalogue: Catalogue) -> Self {
        Self { planner: OfflinePlanner::new(), catalogue: Arc::new(catalogue), fleet: Arc::new(fleet()) }
    }

    fn input(&self, text: &str) -> PlanningInput {
        request(text, &self.catalogue, &self.fleet)
    }

    /// A plan of this house to talk about.
    fn proposed(&self, text: &str) -> PlanDocument {
        let input = self.input(text);
        let Planned::Plan { draft, planned_by } = self.planner.plan_now(&input) else { panic!("{text} is planned") };
        input.assembled(&draft, &planned_by).expect("accepted")
    }
}

static SHIPPED: LazyLock<(House, PlanDocument)> = LazyLock::new(|| {
    let house = House::new(shipped());
    let plan = house.proposed("how full are the disks of pluto");
    (house, plan)
});
static INVENTED: LazyLock<(House, PlanDocument)> = LazyLock::new(|| {
    let house = House::new(catalogue());
    let plan = house.proposed("reboot desk in 10 minutes");
    (house, plan)
});

/// What people and programs type, in between anything else.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        "\\PC{0,12}",
        any::<char>().prop_map(String::from),
        "[0-9]{1,4}[\\PC]{1,3}",
        "[\"'`“”„‘’«»={}$(),;.:!?-]{1,4}",
        prop::sample::select(vec![
            "reboot",
            "in",
            "10 minutes",
            "5ä",
            "7🙂",
            "on",
            "pluto",
            "disk",
            "warn",
            "90",
            "90％",
            "%",
            "percent",
            "not",
            "except",
            "keep",
            "the",
            "then",
            "and",
            "remove",
            "kuma",
            "from",
            "Straße",
            "İstanbul",
            "ﬁ",
            "ttl",
            "60ｓ",
            "port",
            "with",
            "all",
            "but",
            "–",
            "10.0.0.0/8",
            "http://ä.example/ü?",
            "${steps.find.outputs.x}",
            "without",
            "to",
            "a",
            "e\u{301}",
            "\u{202e}",
            "\u{0}",
            "step",
            "second",
            "instead",
        ])
        .prop_map(str::to_owned),
    ];
    (prop::collection::vec(word, 0..14), prop::sample::select(vec![" ", "  ", "\n", "\u{a0}", ""]))
        .prop_map(|(words, between)| words.join(between))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_comes_to_an_outcome(text in text()) {
        for (house, plan) in [&*SHIPPED, &*INVENTED] {
            let mut input = house.input(&text);
            let _ = house.planner.plan_now(&input);
            input.conversation.insert(0, Turn { from_user: false, text: format!("Which `{text}` is meant?") });
            let _ = house.planner.plan_now(&input);
            input.previous = Some(plan.clone());
            let _ = house.planner.plan_now(&input);
        }
    }
}

#[test]
fn a_unit_beyond_ascii_is_no_unit() {
    for text in
        ["how full are the disks of pluto, warn at 90％", "🙂 reboot desk in 10🙂 minutes", "reboot desk — in ５ minutes", "重启 desk"]
    {
        for (house, _) in [&*SHIPPED, &*INVENTED] {
            let _ = house.planner.plan_now(&house.input(text));
        }
    }
}

#[tokio::test]
async fn hundreds_of_wishes_in_one_text_are_refused_at_once() {
    for (house, _) in [&*SHIPPED, &*INVENTED] {
        for text in [vec!["reboot desk"; 330].join(" then "), "and then ".repeat(880), "reboot desk. ".repeat(330), "a ".repeat(3_900)] {
            let begun = CpuInstant::now();
            match house.planner.plan(&house.input(&text)).await {
                Ok(Planned::Impossible(problem)) => {
                    assert!(matches!(problem.code, ErrorCode::TooMuchAtOnce | ErrorCode::CannotPlan), "{problem}");
                }
                other => panic!("{other:?}"),
            }
            assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        }
    }
}

#[test]
fn as_many_wishes_as_are_planned_at_once_take_no_long_time() {
    let (house, _) = &*INVENTED;
    let text = vec!["back up the orders database on pluto"; 24].join(" and then ");
    let begun = CpuInstant::now();
    let _ = house.planner.plan_now(&house.input(&text));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}
