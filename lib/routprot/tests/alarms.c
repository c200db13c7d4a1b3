/*
 * The heap of alarms against a plain search for the soonest one. The file of the library is compiled in, under other names:
 * what is tested is not seen from outside.
 */
#define waypost_acquire test_acquire
#define waypost_now test_now
#define waypost_start test_start
#define waypost_condition_init test_condition_init
#define waypost_wait_until test_wait_until
#define waypost_alarm_reserve test_alarm_reserve
#define waypost_alarm_free test_alarm_free
#define waypost_alarm_set test_alarm_set
#define waypost_alarm_stop test_alarm_stop
#include "../alarms.c"

#include "check.h"

#define ALARMS 300
#define TURNS 100000

void waypost_acquire(void) {
}

nanoseconds waypost_now(void) {
    return 0;
}

bool waypost_start(void *(*run)(void *), void *argument, size_t stack_size) {
    return run == keep_alarms && argument == NULL && stack_size == 0;
}

void waypost_condition_init(pthread_cond_t *condition) {
    pthread_cond_init(condition, NULL);
}

bool waypost_wait_until(pthread_cond_t *condition, nanoseconds deadline) {
    CHECK(condition == NULL && deadline == 0);
    return false;
}

static struct alarm alarms[ALARMS];

static void check_soonest(void) {
    nanoseconds soonest = FOREVER;
    size_t count = 0;
    for (size_t index = 0; index < ALARMS; index++) {
        const struct alarm *alarm = &alarms[index];
        if (alarm->position != ALARM_OFF) {
            CHECK(heap[alarm->position] == alarm);
            CHECK(alarm->position == 0 || heap[(alarm->position - 1) / 2]->due <= alarm->due);
            soonest = alarm->due < soonest ? alarm->due : soonest;
            count++;
        }
    }
    CHECK(count == set && (count == 0 || heap[0]->due == soonest));
}

int main(void) {
    uint64_t random = 3;
    for (size_t index = 0; index < ALARMS; index++) {
        CHECK(waypost_alarm_reserve());
        alarms[index].position = ALARM_OFF;
    }
    for (int turn = 0; turn < TURNS; turn++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        struct alarm *alarm = &alarms[(random >> 33) % ALARMS];
        uint64_t kind = random >> 20 & 7;
        if (kind < 4) {
            waypost_alarm_set(alarm, random >> 24 & 0xFFF);
        } else if (kind < 5) {
            waypost_alarm_set(alarm, FOREVER);
        } else {
            waypost_alarm_stop(alarm);
        }
        check_soonest();
    }
    for (size_t index = 0; index < ALARMS; index++) {
        waypost_alarm_stop(&alarms[index]);
        check_soonest();
        waypost_alarm_free();
    }
    CHECK(set == 0 && reserved == 0 && heap != NULL);
    free(heap);
    return 0;
}
