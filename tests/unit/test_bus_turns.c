/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Who asks without end waits for everybody else. */
#include "cloud/bus/turns.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

static struct dr_turns turns;

static enum dr_status add(const char *client_id, unsigned number)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%u", number);
    const struct dr_device_message message = {
        .thing = "t",
        .rest = "streams/s/get/cbor",
        .payload = (const uint8_t *)text,
        .payload_size = (size_t)len,
        .client_id = client_id,
        .certificate_id = "c",
        .session = 7,
    };
    return dr_turns_add(&turns, &message);
}

static void expect(const char *client_id, unsigned number)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%u", number);
    struct dr_turn *turn = dr_turns_take(&turns);
    REQUIRE(turn != NULL);
    EXPECT_STR(turn->message.client_id, client_id);
    EXPECT_STR(turn->message.thing, "t");
    EXPECT_STR(turn->message.rest, "streams/s/get/cbor");
    EXPECT_EQ(turn->message.session, 7);
    EXPECT_EQ(turn->message.payload_size, len);
    EXPECT(memcmp(turn->message.payload, text, (size_t)len) == 0);
    free(turn);
}

static void lines_take_turns(void)
{
    for (unsigned i = 0; i < 4; i++) {
        EXPECT_EQ(add("loop", i), DR_OK);
    }
    EXPECT_EQ(add("a", 0), DR_OK);
    EXPECT_EQ(add("b", 0), DR_OK);
    EXPECT_EQ(add("a", 1), DR_OK);
    expect("loop", 0);
    expect("a", 0);
    expect("b", 0);
    expect("loop", 1);
    EXPECT_EQ(add("b", 1), DR_OK); /* begins anew, behind the others */
    expect("a", 1);
    expect("loop", 2);
    expect("b", 1);
    expect("loop", 3);
    EXPECT(dr_turns_take(&turns) == NULL);
}

static void a_line_is_bounded(void)
{
    for (unsigned i = 0; i < DR_TURNS_LINE_MAX; i++) {
        EXPECT_EQ(add("loop", i), DR_OK);
    }
    EXPECT_EQ(add("loop", 0), DR_E_SPACE);
    EXPECT_EQ(add("a", 0), DR_OK);
    expect("loop", 0);
    EXPECT_EQ(add("loop", 99), DR_OK);
    expect("a", 0);
    dr_turns_clear(&turns);
    EXPECT(dr_turns_take(&turns) == NULL);
    EXPECT_EQ(add("loop", 5), DR_OK);
    expect("loop", 5);
}

static void many_clients(void)
{
    char name[16];
    for (unsigned i = 0; i < 3000; i++) {
        (void)snprintf(name, sizeof name, "client-%u", i);
        EXPECT_EQ(add(name, i), DR_OK);
    }
    for (unsigned i = 0; i < 3000; i++) {
        (void)snprintf(name, sizeof name, "client-%u", i);
        expect(name, i);
    }
    EXPECT(dr_turns_take(&turns) == NULL);
}

DR_TEST_MAIN(lines_take_turns, a_line_is_bounded, many_clients)
