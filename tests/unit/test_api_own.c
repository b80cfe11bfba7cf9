/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What /daruma/things/NAME/counters makes of the bus's account. */
#include "tests/unit/check.h"

#include "cloud/api/fetches.h"
#include "cloud/api/handlers.h"

static char *told(void *ctx, const char *client_id)
{
    EXPECT_STR(client_id, "doll");
    return strdup(ctx);
}

static void counters(void)
{
    static const struct {
        const char *text;
        unsigned status;
        const char *body;
    } rows[] = {
        {"{\"in\":1}", 200, "{\"in\":1,\"httpRequests\":0,\"httpBytes\":0}"},
        {"{\"in\":", 500, "{\"message\":\"the broker's counters cannot be read\"}"},
        {"[1]", 500, "{\"message\":\"the broker's counters cannot be read\"}"},
    };
    struct dr_api_fetches *fetches = NULL;
    REQUIRE(dr_api_fetches_new(&fetches) == DR_OK);
    for (size_t i = 0; i < DR_ARRAY_COUNT(rows); i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", rows[i].text);
        struct dr_api_config config = {.ctx = text, .traffic = told};
        static struct dr_api_call call;
        call = (struct dr_api_call){.config = &config, .fetches = fetches, .answer = {.fd = -1}};
        call.match.parameter_count = 1;
        snprintf(call.match.parameters[0], sizeof call.match.parameters[0], "doll");
        dr_api_thing_counters(&call);
        EXPECT(call.answer.set);
        EXPECT_EQ(call.answer.status, rows[i].status);
        EXPECT_STR(call.answer.body, rows[i].body);
        free(call.answer.body);
    }
    dr_api_fetches_free(fetches);
}

DR_TEST_MAIN(counters)
