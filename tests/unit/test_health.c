/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The feed rule: a table. */
#include "device/client/health.h"
#include "tests/unit/check.h"

static void test_table(void)
{
    static const struct {
        const char *title;
        bool on_trial;
        bool confirmed;
        bool given_up;
        bool task_late;
        bool deadline_passed;
        bool may_feed;
        bool expired;
    } rows[] = {
        {"sealed, all well", false, false, false, false, false, true, false},
        {"sealed, deadline means nothing", false, false, false, false, true, true, false},
        {"sealed, a task is late", false, false, false, true, false, false, false},
        {"on trial, early", true, false, false, false, false, true, false},
        {"on trial, a task is late", true, false, false, true, false, false, false},
        {"on trial, deadline passed", true, false, false, false, true, false, true},
        {"on trial, confirmed in time", true, true, false, false, true, true, false},
        {"confirmed, then a task is late", true, true, false, true, true, false, false},
        {"given up", true, false, true, false, false, false, false},
        {"given up stays given up", true, true, true, false, false, false, false},
    };
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        struct dr_health_state state;
        uint8_t task = 99;
        dr_health_init(&state, rows[i].on_trial, 60000);
        EXPECT_EQ(dr_health_register(&state, 1000, 0, &task), DR_OK);
        state.confirmed = rows[i].confirmed;
        state.given_up = rows[i].given_up;
        uint64_t now_ms = rows[i].deadline_passed ? 60000 : 59999;
        dr_health_check_in(&state, task, rows[i].task_late ? now_ms - 1001 : now_ms - 1000);
        if (dr_health_may_feed(&state, now_ms) != rows[i].may_feed ||
            dr_health_expired(&state, now_ms) != rows[i].expired) {
            EXPECT_STR(rows[i].title, "");
        }
        EXPECT_EQ(dr_health_may_feed(&state, now_ms), rows[i].may_feed);
        EXPECT_EQ(dr_health_expired(&state, now_ms), rows[i].expired);
    }
}

static void test_tasks(void)
{
    struct dr_health_state state;
    uint8_t tasks[DR_HEALTH_TASKS_MAX];
    uint8_t extra = 0;
    dr_health_init(&state, false, 0);
    EXPECT(dr_health_may_feed(&state, 1000000)); /* nobody to wait for */
    EXPECT_EQ(dr_health_register(&state, 0, 0, &extra), DR_E_ARGUMENT);
    for (size_t i = 0; i < DR_HEALTH_TASKS_MAX; i++) {
        EXPECT_EQ(dr_health_register(&state, 1000, 0, &tasks[i]), DR_OK);
    }
    EXPECT_EQ(dr_health_register(&state, 1000, 0, &extra), DR_E_SPACE);
    for (size_t i = 0; i + 1 < DR_HEALTH_TASKS_MAX; i++) {
        dr_health_check_in(&state, tasks[i], 5000);
    }
    EXPECT(!dr_health_may_feed(&state, 5000)); /* one of eight is enough */
    dr_health_check_in(&state, tasks[DR_HEALTH_TASKS_MAX - 1], 5000);
    EXPECT(dr_health_may_feed(&state, 5000));
    dr_health_check_in(&state, 200, 5000); /* no such task */
    dr_health_check_in(&state, tasks[0], 9000);
    EXPECT(dr_health_tasks_alive(&state, 6000)); /* a check-in from "later" is no lateness */
}

DR_TEST_MAIN(test_table, test_tasks)
