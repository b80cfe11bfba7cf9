/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "device/client/health.h"

#include <string.h>

void dr_health_init(struct dr_health_state *state, bool on_trial, uint64_t deadline_ms)
{
    memset(state, 0, sizeof(*state));
    state->on_trial = on_trial;
    state->deadline_ms = deadline_ms;
}

enum dr_status dr_health_register(
    struct dr_health_state *state, uint32_t period_ms, uint64_t now_ms, uint8_t *ret_task)
{
    if (period_ms == 0) {
        return DR_E_ARGUMENT;
    }
    for (uint8_t i = 0; i < DR_HEALTH_TASKS_MAX; i++) {
        if (state->tasks[i].period_ms == 0) {
            state->tasks[i].period_ms = period_ms;
            state->tasks[i].seen_ms = now_ms;
            *ret_task = i;
            return DR_OK;
        }
    }
    return DR_E_SPACE;
}

void dr_health_check_in(struct dr_health_state *state, uint8_t task, uint64_t now_ms)
{
    if (task < DR_HEALTH_TASKS_MAX) {
        state->tasks[task].seen_ms = now_ms;
    }
}

bool dr_health_tasks_alive(const struct dr_health_state *state, uint64_t now_ms)
{
    for (uint8_t i = 0; i < DR_HEALTH_TASKS_MAX; i++) {
        const struct dr_health_task *task = &state->tasks[i];
        if (task->period_ms != 0 && now_ms > task->seen_ms &&
            now_ms - task->seen_ms > task->period_ms) {
            return false;
        }
    }
    return true;
}

bool dr_health_expired(const struct dr_health_state *state, uint64_t now_ms)
{
    return state->on_trial && !state->confirmed && now_ms >= state->deadline_ms;
}

bool dr_health_may_feed(const struct dr_health_state *state, uint64_t now_ms)
{
    return !state->given_up && !dr_health_expired(state, now_ms) &&
           dr_health_tasks_alive(state, now_ms);
}
