//! News that is older than the machine's last request: what it tells of is over, but something of that name is there again.

use waypost_fib::Mode;

use crate::world::{Op, World};

/// By a gateway on interface 2, of RIP.
const FIRST: Op = Op::Want(0, 0, 0);
/// By a gateway on interface 3, to another destination.
const SECOND: Op = Op::Want(1, 1, 0);

fn run(ops: &[Op]) {
    World::new(Mode::Objects).run(ops);
}

/// The object's id is used again before the news of its deletion is read, and what uses it is not wanted any more.
#[test]
fn of_a_deleted_object_whose_id_names_another() {
    let reused = [
        FIRST,
        Op::Step,
        Op::HandDeletesObject(0),
        Op::Unwant(0),
        // The route is deleted, the object is deleted, and both are forgotten.
        Op::Step,
        Op::Step,
        Op::Step,
        SECOND,
        Op::Step,
    ];
    let unwanted = [&reused[..], &[Op::Unwant(1), Op::Deliver]].concat();
    run(&unwanted);
    let on_its_way_out = [&reused[..], &[Op::Unwant(1), Op::Send, Op::Deliver, Op::Complete]].concat();
    run(&on_its_way_out);
    let still_wanted = [&reused[..], &[Op::Deliver]].concat();
    run(&still_wanted);
}

/// The same while the new object is on its way to the kernel.
#[test]
fn of_a_deleted_object_whose_id_is_being_used() {
    run(&[
        FIRST,
        Op::Step,
        Op::HandDeletesObject(0),
        Op::Unwant(0),
        Op::Step,
        Op::Step,
        Op::Step,
        SECOND,
        Op::Send,
        Op::Deliver,
        Op::Unwant(1),
        Op::Complete,
    ]);
}

/// The group was written anew after somebody had made it what it is to be next.
#[test]
fn of_a_group_that_was_changed_to_what_comes_to_be_wanted() {
    run(&[
        Op::Want(0, 3, 0),
        Op::Step,
        Op::Link(3, false, false),
        Op::Deliver,
        Op::Step,
        Op::Step,
        Op::HandChangesObject(0),
        Op::Link(3, true, true),
        Op::Deliver,
        Op::Step,
        Op::Step,
    ]);
}

/// Somebody had made the route what it is to be next, before the machine wrote it for the last time.
#[test]
fn of_a_route_that_was_replaced_by_what_comes_to_be_wanted() {
    run(&[
        FIRST,
        SECOND,
        Op::Step,
        // Through the second route's object.
        Op::HandReplacesRoute(0, 1),
        Op::Want(0, 2, 0),
        Op::Step,
        Op::Want(0, 1, 0),
        Op::Deliver,
    ]);
    run(&[
        FIRST,
        SECOND,
        Op::Step,
        Op::HandReplacesRoute(0, 1),
        Op::Want(0, 2, 0),
        Op::Step,
        Op::Unwant(0),
        Op::Deliver,
    ]);
}

/// An object that somebody moved to another interface outlives its link, with the routes of others through it.
#[test]
fn of_a_link_that_an_object_is_no_longer_on() {
    run(&[
        Op::Want(0, 5, 0),
        Op::Want(1, 0, 2),
        Op::Want(10, 5, 0),
        Op::Step,
        Op::HandBorrows(3),
        Op::HandChangesObject(3),
        Op::Link(3, false, false),
        Op::Want(0, 0, 0),
    ]);
    let being_put_right = [
        Op::Want(0, 7, 0),
        Op::Want(1, 5, 0),
        Op::Step,
        Op::HandChangesObject(1),
        Op::HandBorrows(1),
        Op::Link(3, false, false),
        Op::Send,
    ];
    run(&being_put_right);
}

/// A route that somebody made through an object of ours went with it when we deleted the object.
#[test]
fn of_a_route_that_went_with_its_object() {
    run(&[
        Op::Want(0, 3, 0),
        Op::Step,
        Op::Unwant(0),
        Op::Step,
        Op::Step,
        Op::HandReplacesRoute(1, 1),
        Op::Step,
        Op::Deliver,
        SECOND,
    ]);
}

/// The link of a group's last member goes while the group is being given another one.
#[test]
fn of_a_link_whose_group_is_being_renewed() {
    run(&[
        Op::Want(2, 3, 0),
        Op::Step,
        Op::HandDeletesObject(1),
        Op::Overrun,
        Op::Send,
        Op::Link(2, false, false),
        Op::Deliver,
        Op::Complete,
        Op::Step,
        Op::Step,
    ]);
}

/// Somebody had moved the route to another object before we set it for the last time: the object we set is in use.
#[test]
fn of_a_route_that_was_moved_before_we_moved_it() {
    run(&[
        Op::Want(2, 2, 0),
        Op::Want(2, 1, 0),
        Op::Step,
        Op::Want(0, 4, 0),
        Op::Want(2, 3, 1),
        Op::HandReplacesRoute(2, 0),
        Op::Step,
        Op::Want(0, 0, 0),
        Op::Step,
        Op::HandDeletesObject(0),
        Op::Deliver,
        Op::Want(2, 1, 1),
        Op::Unwant(0),
    ]);
}

/// A route that looks like ours, made and gone before it is heard of, is not there to be adopted.
#[test]
fn of_a_route_that_was_made_and_is_gone() {
    World::new(Mode::Inline).run(&[
        Op::Step,
        Op::HandReplacesRoute(0, 0),
        Op::Want(0, 0, 0),
        Op::Step,
        Op::Step,
        Op::HandReplacesRoute(0, 0),
        Op::Unwant(0),
        Op::Step,
        Op::Unwant(0),
        Op::Step,
        Op::Deliver,
        Op::Want(0, 2, 0),
    ]);
}
