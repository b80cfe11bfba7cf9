/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the running firmware measures of itself: stacks, memory, the application's pace, and who has
 * the processor. Printed on the console; tests and benches read it there.
 *
 *   figures download: ms 4210 idle 310 turns 160; blinks 17 min 250 max 260 p99 260; publishes 0
 * ... stack words, never used of all: health 190 of 256, eth 176 of 256 ...
 *
 * A phase ends when its line is printed: "idle" until a download begins, "download" until the reset
 * into the new image. All times are ms of the board's own clock.
 */
#ifndef DR_BOARDS_MPS2_FIGURES_H
#define DR_BOARDS_MPS2_FIGURES_H

#include <stdint.h>

/* Intervals between like events. Plain numbers; one task writes, another may read. */
#define DR_PACE_PLACES 64u
#define DR_PACE_STEP_MS 10u /* what the p99 is rounded up to: one tick of the kernel */

struct dr_pace {
    uint32_t count;
    uint32_t min_ms;
    uint32_t max_ms;
    uint32_t last_ms;
    uint8_t known;                   /* last_ms means something */
    uint16_t places[DR_PACE_PLACES]; /* by length in steps; the last: all that is longer */
};

/* Forget the intervals, not the moment of the last event. */
void dr_pace_restart(struct dr_pace *pace);
void dr_pace_note(struct dr_pace *pace, uint32_t now_ms);
/* At least 99 of 100 intervals were no longer than this; 0: none. */
uint32_t dr_pace_p99_ms(const struct dr_pace *pace);

/* From the application's task, and from the agent's: one of its turns. */
void dr_figures_blink(uint32_t now_ms);
void dr_figures_publish(uint32_t now_ms);
void dr_figures_turn(void);

/* Print what was seen since the last call, and begin anew. name: "figures NAME: ms ". Agent's task.
 */
void dr_figures_phase(const char *name, uint32_t now_ms);

#endif
