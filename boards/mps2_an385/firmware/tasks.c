/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "base/cursor.h"
#include "boards/mps2_an385/common/board_panel.h"
#include "boards/mps2_an385/common/watchdog.h"
#include "boards/mps2_an385/firmware/fault.h"
#include "boards/mps2_an385/firmware/figures.h"
#include "boards/mps2_an385/firmware/firmware.h"
#include "boards/mps2_an385/firmware/print.h"
#include "boards/mps2_an385/port/ethernet.h"
#include "boards/mps2_an385/port/task_plan.h"
#include "boards/mps2_an385/port/uptime.h"

#include <FreeRTOS.h>
#include <queue.h>
#include <task.h>

#include <string.h>

#define MS_PER_TICK (1000u / configTICK_RATE_HZ)

#define HEALTH_PERIOD_MS 500u
#define FIGURES_PERIOD_MS 60000u
#define TURN_MS 1000u /* at most: whatever happens wakes the agent at once */

/* How often each must check in; the agent has longer while it verifies a whole image in one turn.
 */
#define PRODUCT_PERIOD_MS 5000u
#define AGENT_PERIOD_MS 6000u
#define AGENT_VERIFY_MS 15000u
#define ETHERNET_PERIOD_MS 5000u

#define TELEMETRY_PLACES 2

struct telemetry {
    size_t size_bytes;
    char topic[DR_APP_TOPIC_BYTES_MAX];
    char payload[DR_APP_TELEMETRY_BYTES_MAX];
};

/* One firmware, and tasks without arguments of their own. */
static struct {
    struct dr_firmware *firmware;
    enum dr_app_behaviour behaviour;
    volatile bool ready; /* client open, tasks registered: from here on health judges */
    uint8_t task_product;
    uint8_t task_agent;
    uint8_t task_ethernet;
    uint32_t late_ms_max; /* of the application */
    uint64_t verify_ms;   /* when the agent checked in before the turn in which it last verified */
    QueueHandle_t telemetry;
    StaticQueue_t telemetry_queue;
    uint8_t telemetry_memory[TELEMETRY_PLACES * sizeof(struct telemetry)];
    TaskHandle_t health;
    TaskHandle_t product;
    TaskHandle_t agent;
    StaticTask_t health_memory;
    StaticTask_t product_memory;
    StaticTask_t agent_memory;
} board;

static StackType_t health_stack[DR_TASK_HEALTH_WORDS] __attribute__((aligned(32)));
static StackType_t product_stack[DR_TASK_PRODUCT_WORDS] __attribute__((aligned(32)));
static StackType_t agent_stack[DR_TASK_AGENT_WORDS] __attribute__((aligned(32)));

static void check_in(uint8_t task)
{
    uint64_t now_ms = dr_mps2_uptime_ms();
    taskENTER_CRITICAL();
    dr_health_check_in(&board.firmware->client.health, task, now_ms);
    taskEXIT_CRITICAL();
}

static void agent_alive(void)
{
    check_in(board.task_agent);
}

static uint32_t stack_left(TaskHandle_t task)
{
    return (uint32_t)uxTaskGetStackHighWaterMark(task);
}

/* What the tasks cost: words of each stack that were never used, most of TLS's pool, and what the
 * network did. */
void dr_firmware_print_costs(void)
{
    struct dr_ethernet_counts counts;
    dr_ethernet_counts(&counts);
    const struct dr_print_number stacks[] = {
        {"stack words, never used of all: health ", stack_left(board.health)},
        {" of ", DR_TASK_HEALTH_WORDS},
        {", eth ", dr_ethernet_stack_left()},
        {" of ", DR_TASK_ETHERNET_WORDS},
        {", net ", dr_ethernet_lwip_stack_left()},
        {" of ", DR_TASK_LWIP_WORDS},
        {", product ", stack_left(board.product)},
        {" of ", DR_TASK_PRODUCT_WORDS},
        {", agent ", stack_left(board.agent)},
        {" of ", DR_TASK_AGENT_WORDS},
        {", idle ", stack_left(xTaskGetIdleTaskHandle())},
        {" of ", DR_TASK_IDLE_WORDS},
    };
    const struct dr_print_number others[] = {
        {"tls pool ", (uint32_t)dr_tls_pool_peak()},
        {" of ", DR_FIRMWARE_POOL_BYTES},
        {"; product late ms ", board.late_ms_max},
        {"; frames ", counts.frames},
        {" dropped ", counts.dropped},
        {" burst ", counts.longest},
        {"; signatures ", board.firmware->signing.count},
        {" longest ms ", board.firmware->signing.ms_max},
        {"; link opened in ms ", board.firmware->lwip.session.opening_ms},
    };
    char line[200];
    dr_print_numbers(line, sizeof(line), stacks, sizeof(stacks) / sizeof(stacks[0]));
    dr_firmware_log(line);
    dr_print_numbers(line, sizeof(line), others, sizeof(others) / sizeof(others[0]));
    dr_firmware_log(line);
}

/* The most urgent task that has not checked in for too long; NULL: none. */
static TaskHandle_t silent_task(const struct dr_health_state *state, uint64_t now_ms)
{
    const struct {
        uint8_t number;
        TaskHandle_t task;
    } tasks[] = {
        {board.task_ethernet, dr_ethernet_task()},
        {board.task_product, board.product},
        {board.task_agent, board.agent},
    };
    for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
        const struct dr_health_task *task = &state->tasks[tasks[i].number];
        if (tasks[i].task == board.product && board.task_product == board.task_agent) {
            continue; /* not registered: there is no application in this mode */
        }
        if (now_ms > task->seen_ms && now_ms - task->seen_ms > task->period_ms) {
            return tasks[i].task;
        }
    }
    return NULL;
}

/* Feed, or not. A silent task is not left to the watchdog, which would come later and record
 * whoever runs then. */
static void judge(uint64_t now_ms)
{
    struct dr_health_state state;
    taskENTER_CRITICAL();
    state = board.firmware->client.health;
    taskEXIT_CRITICAL();
    struct dr_health_task *agent = &state.tasks[board.task_agent];
    if (board.firmware->client.agent.state == DR_AGENT_CLOSING) {
        board.verify_ms = agent->seen_ms;
    }
    if (agent->seen_ms == board.verify_ms) { /* still that turn, whatever it does by now */
        agent->period_ms = AGENT_VERIFY_MS;
    }
    if (dr_health_may_feed(&state, now_ms)) {
        dr_watchdog_feed();
    } else if (!dr_health_tasks_alive(&state, now_ms)) {
        dr_fault_silent(silent_task(&state, now_ms));
    }
}

static void run_health(void *unused)
{
    TickType_t woken = xTaskGetTickCount();
    uint64_t figures_ms = FIGURES_PERIOD_MS;
    (void)unused;
    for (;;) {
        vTaskDelayUntil(&woken, HEALTH_PERIOD_MS / MS_PER_TICK);
        if (!board.ready) {
            continue; /* the hang limit covers the start */
        }
        uint64_t now_ms = dr_mps2_uptime_ms();
        if ((uint32_t)now_ms - dr_ethernet_seen_ms() < ETHERNET_PERIOD_MS) {
            check_in(board.task_ethernet);
        }
        judge(now_ms);
        if (now_ms >= figures_ms) {
            figures_ms = now_ms + FIGURES_PERIOD_MS;
            dr_firmware_print_costs();
        }
    }
}

static void start_app(struct dr_app *app)
{
    const struct dr_boot_info *info = &board.firmware->info;
    const struct dr_app_facts facts = {
        .thing = board.firmware->client.endpoint.thing,
        .on_trial = info->state == DR_IMAGE_CANDIDATE,
        .sealed = info->state == DR_IMAGE_SEALED,
        .safe = info->mode == DR_MODE_SAFE,
        .version_major = info->order.version.major,
        .version_minor = info->order.version.minor,
        .version_revision = info->order.version.revision,
    };
    dr_app_init(app, board.behaviour, &facts, dr_mps2_uptime_ms());
}

/* Telemetry that finds no place is lost. */
static void hand_over(const struct dr_app_output *output)
{
    struct telemetry telemetry = {.size_bytes = output->telemetry_bytes};
    memcpy(telemetry.topic, output->topic, sizeof(telemetry.topic));
    memcpy(telemetry.payload, output->telemetry, sizeof(telemetry.payload));
    if (xQueueSend(board.telemetry, &telemetry, 0) == pdTRUE) {
        (void)xTaskNotifyGive(board.agent);
    }
}

static void run_product(void *unused)
{
    static struct dr_app app;
    static struct dr_app_output output;
    uint32_t leds = 0;
    (void)unused;
    (void)ulTaskNotifyTake(pdTRUE, portMAX_DELAY); /* until the agent has found out who we are */
    start_app(&app);
    for (;;) {
        uint64_t now_ms = dr_mps2_uptime_ms();
        dr_app_step(&app, now_ms, &output);
        if (output.alive) {
            check_in(board.task_product);
        }
        if (output.leds != leds) {
            leds = output.leds;
            dr_board_panel_write(DR_PANEL_APP_LEDS_AT, leds);
            dr_figures_blink((uint32_t)now_ms);
        }
        if (output.telemetry_bytes > 0) {
            hand_over(&output);
        }
        while (output.hang) { /* what the watchdog is for */
        }
        now_ms = dr_mps2_uptime_ms();
        uint64_t next_ms = dr_app_next_ms(&app, now_ms);
        uint32_t wait_ms = next_ms > now_ms ? (uint32_t)(next_ms - now_ms) : 0;
        vTaskDelay(wait_ms / MS_PER_TICK + 1u);
        now_ms = dr_mps2_uptime_ms();
        if (now_ms > next_ms && (uint32_t)(now_ms - next_ms) > board.late_ms_max) {
            board.late_ms_max = (uint32_t)(now_ms - next_ms);
        }
    }
}

static enum dr_led led_now(void)
{
    const struct dr_boot_info *info = &board.firmware->info;
    const struct dr_agent *agent = &board.firmware->client.agent;
    if (agent->state >= DR_AGENT_PROBING && agent->state <= DR_AGENT_INSTALLING) {
        return DR_LED_UPDATING;
    }
    if (info->mode == DR_MODE_RECOVERY) {
        return DR_LED_RECOVERY;
    }
    if (info->mode == DR_MODE_SAFE) {
        return DR_LED_SAFE;
    }
    return info->state == DR_IMAGE_CANDIDATE ? DR_LED_CANDIDATE : DR_LED_NORMAL;
}

static enum dr_status register_tasks(bool with_app)
{
    struct dr_health_state *health = &board.firmware->client.health;
    uint64_t now_ms = dr_mps2_uptime_ms();
    DR_TRY(dr_health_register(health, AGENT_PERIOD_MS, now_ms, &board.task_agent));
    DR_TRY(dr_health_register(health, ETHERNET_PERIOD_MS, now_ms, &board.task_ethernet));
    if (with_app) {
        DR_TRY(dr_health_register(health, PRODUCT_PERIOD_MS, now_ms, &board.task_product));
    }
    board.ready = true;
    return DR_OK;
}

static void send_telemetry(void)
{
    struct telemetry telemetry;
    struct dr_client *client = &board.firmware->client;
    while (xQueueReceive(board.telemetry, &telemetry, 0) == pdTRUE) { /* bound: its places */
        const uint8_t *payload = (const uint8_t *)telemetry.payload;
        if (dr_client_online(client) &&
            dr_client_publish(client, telemetry.topic, payload, telemetry.size_bytes, 0) == DR_OK) {
            dr_figures_publish((uint32_t)dr_mps2_uptime_ms());
        }
    }
}

/* Returns when nothing can be done here. */
static enum dr_status serve(void)
{
    struct dr_firmware *firmware = board.firmware;
    struct dr_app app;
    const char *detail = NULL;
    bool with_app = firmware->info.mode == DR_MODE_NORMAL;
    DR_TRY(dr_client_start(&firmware->client));
    DR_TRY(register_tasks(with_app));
    start_app(&app);
    bool passed = !with_app || dr_app_self_test(&app, &detail);
    dr_client_self_test(&firmware->client, passed, detail);
    if (with_app) {
        (void)xTaskNotifyGive(board.product);
    }
    for (;;) {
        dr_firmware_led(led_now());
        agent_alive();
        dr_figures_turn();
        send_telemetry();
        if (dr_app_crashes(&app, dr_mps2_uptime_ms())) {
            __builtin_trap();
        }
        dr_client_turn(&firmware->client, TURN_MS);
    }
}

static enum dr_status provision(void)
{
    DR_TRY(register_tasks(false));
    return dr_firmware_provision(board.firmware, agent_alive);
}

static void log_start(void)
{
    const struct dr_boot_info *info = &board.firmware->info;
    char version[DR_VERSION_TEXT_BYTES];
    char line[160];
    struct dr_writer writer;
    dr_version_text(&info->order.version, version);
    dr_writer_init(&writer, (uint8_t *)line, sizeof(line) - 1u);
    dr_write_text(&writer, "firmware ");
    dr_write_text(&writer, version);
    dr_write_text(&writer, " in slot ");
    dr_write_text(&writer, dr_slot_word(info->slot));
    dr_write_text(&writer, ", ");
    dr_write_text(&writer, dr_image_state_word(info->state));
    dr_write_text(&writer, ", ");
    dr_write_text(&writer, dr_boot_mode_word(info->mode));
    dr_write_text(&writer, " mode, because of ");
    dr_write_text(&writer, dr_reason_word((enum dr_reason)info->boot_reason));
    line[writer.size_bytes] = '\0';
    dr_firmware_log(line);
}

static void run_agent(void *unused)
{
    (void)unused;
    enum dr_status status = dr_firmware_init(board.firmware);
    if (status == DR_OK) {
        log_start();
        status = board.firmware->info.mode == DR_MODE_PROVISIONING ? provision() : serve();
    }
    dr_firmware_log(dr_status_text(status));
    board.ready = false; /* the watchdog ends it */
    vTaskSuspend(NULL);
}

void dr_firmware_tasks(struct dr_firmware *firmware, enum dr_app_behaviour behaviour)
{
    board.firmware = firmware;
    board.behaviour = behaviour;
    board.telemetry = xQueueCreateStatic(
        TELEMETRY_PLACES, sizeof(struct telemetry), board.telemetry_memory, &board.telemetry_queue);
    board.health = xTaskCreateStatic(
        run_health, "health", DR_TASK_HEALTH_WORDS, NULL, DR_TASK_HEALTH_PRIORITY, health_stack,
        &board.health_memory);
    board.product = xTaskCreateStatic(
        run_product, "product", DR_TASK_PRODUCT_WORDS, NULL, DR_TASK_PRODUCT_PRIORITY,
        product_stack, &board.product_memory);
    board.agent = xTaskCreateStatic(
        run_agent, "agent", DR_TASK_AGENT_WORDS, NULL, DR_TASK_AGENT_PRIORITY, agent_stack,
        &board.agent_memory);
}
