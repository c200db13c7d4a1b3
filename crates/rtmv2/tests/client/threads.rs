//! Several threads, each with entities of its own, on one client: what each does stays what the model does, and nothing is left.

use std::sync::Arc;
use std::thread;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use waypost_rtm::Family;
use waypost_rtmv2::client::{Client, Usage};
use waypost_rtmv2::{RouteTable, everything};

use crate::model::{Call, Model, calls};
use crate::rig::table;

const THREADS: u32 = 4;
const ROUNDS: usize = 12;

fn random_calls(seed: u8) -> Vec<Vec<Call>> {
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let strategy = calls(80);
    let mut next = || strategy.new_tree(&mut runner).unwrap().current();
    (0..ROUNDS).map(|_| next()).collect()
}

#[test]
fn threads_do_what_their_models_do() {
    let table = table();
    let client = Client::new(Arc::clone(&table) as Arc<dyn RouteTable>, 8);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (client, table) = (&client, &*table);
            scope.spawn(move || {
                for calls in random_calls(thread as u8) {
                    let protocols = [300 + 2 * thread, 301 + 2 * thread];
                    let mut model = Model::new(client, table, protocols, true);
                    for call in &calls {
                        model.call(call);
                    }
                    model.end();
                }
            });
        }
    });
    assert_eq!(client.usage(), Usage::default());
    assert!(table.page(None, everything(Family::V4), 1).is_empty());
}
