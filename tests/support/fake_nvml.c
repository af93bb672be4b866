/* NVML's interface, as far as the product asks for it, over a text file that a test writes ($FAKE_NVML): the real pynvml runs on this.
 *
 *   driver 535.1 | init CODE | count CODE
 *   device INDEX KEY VALUE    uuid, name, minor, total, used, reserved (MB), gpu, peak, temp, power, limit (mW), mig, ecc, retired, remap, xid,
 *                             processes, process_mb
 *   device INDEX error CODE   every question about it answers CODE (15: it is lost); "error.KEY CODE": only that question
 *   device INDEX hang MS      every question about it takes so long
 *   mig INDEX NUMBER KEY VALUE   an instance: uuid, name, total, used, processes, process_mb
 *
 * What is not in the file is not supported (3). The file is read at each question, so a test changes it while a process runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OK = 0, UNINITIALIZED = 1, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, TIMEOUT = 10 };
typedef unsigned long long u64;
/* A handle is 1 + 1000 * device + instance + 1, so that it is never NULL. */
typedef void *Handle;
static int initialised;
static int device_of(Handle h) { return (int)(((size_t)h - 1) / 1000); }
static int instance_of(Handle h) { return (int)(((size_t)h - 1) % 1000) - 1; }
static Handle handle(int device, int instance) { return (Handle)(size_t)(1 + 1000 * device + instance + 1); }

/* The value of "PREFIX KEY VALUE" into out; 0 if there is none. */
static int find(const char *prefix, const char *key, char *out, size_t size) {
    char line[512], wanted[256];
    int found = 0;
    const char *path = getenv("FAKE_NVML");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file) return 0;
    snprintf(wanted, sizeof wanted, "%s%s%s ", prefix, *prefix ? " " : "", key);
    while (!found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, wanted, strlen(wanted))) {
            snprintf(out, size, "%s", line + strlen(wanted));
            found = 1;
        }
    }
    fclose(file);
    return found;
}

static void prefix_of(Handle h, char *out, size_t size) {
    if (instance_of(h) < 0) snprintf(out, size, "device %d", device_of(h));
    else snprintf(out, size, "mig %d %d", device_of(h), instance_of(h));
}

/* What a question about KEY of this device answers: its text, or the code that the file says. */
static int ask(Handle h, const char *key, char *out, size_t size) {
    char prefix[64], device[64], special[96], value[64];
    if (!initialised) return UNINITIALIZED;
    prefix_of(h, prefix, sizeof prefix);
    snprintf(device, sizeof device, "device %d", device_of(h));
    if (find(device, "hang", value, sizeof value)) usleep(1000 * (unsigned)atoi(value));
    if (find(device, "error", value, sizeof value)) return atoi(value);
    snprintf(special, sizeof special, "error.%s", key);
    if (find(prefix, special, value, sizeof value)) return atoi(value);
    return find(prefix, key, out, size) ? OK : NOT_SUPPORTED;
}

static int number(Handle h, const char *key, u64 *out) {
    char text[64];
    int code = ask(h, key, text, sizeof text);
    if (code == OK) *out = strtoull(text, NULL, 10);
    return code;
}

static int small(Handle h, const char *key, unsigned *out) {
    u64 value;
    int code = number(h, key, &value);
    if (code == OK) *out = (unsigned)value;
    return code;
}

static int words(Handle h, const char *key, char *out, unsigned size) {
    char text[256];
    int code = ask(h, key, text, sizeof text);
    if (code != OK) return code;
    if (strlen(text) + 1 > size) return TOO_SMALL;
    strcpy(out, text);
    return OK;
}

int nvmlInitWithFlags(unsigned flags) {
    char text[32];
    (void)flags;
    if (find("", "init", text, sizeof text) && atoi(text)) return atoi(text);
    initialised = 1;
    return OK;
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { initialised = 0; return OK; }
const char *nvmlErrorString(int code) { static char text[32]; snprintf(text, sizeof text, "error %d", code); return text; }
int nvmlSystemGetDriverVersion(char *out, unsigned size) {
    char text[80];
    if (!find("", "driver", text, sizeof text)) return NOT_SUPPORTED;
    snprintf(out, size, "%s", text);
    return OK;
}

int nvmlDeviceGetCount_v2(unsigned *out) {
    char text[256], prefix[64];
    if (!initialised) return UNINITIALIZED;
    if (find("", "count", text, sizeof text)) return atoi(text);
    for (*out = 0;; ++*out) {
        snprintf(prefix, sizeof prefix, "device %u", *out);
        if (!find(prefix, "uuid", text, sizeof text)) return OK;
    }
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Handle *out) {
    char text[256];
    *out = handle((int)index, -1);
    int code = ask(*out, "handle", text, sizeof text);
    return code == NOT_SUPPORTED ? OK : code;
}
int nvmlDeviceGetUUID(Handle h, char *out, unsigned size) { return words(h, "uuid", out, size); }
int nvmlDeviceGetName(Handle h, char *out, unsigned size) { return words(h, "name", out, size); }
int nvmlDeviceGetMinorNumber(Handle h, unsigned *out) { return small(h, "minor", out); }
int nvmlDeviceGetTemperature(Handle h, int sensor, unsigned *out) { (void)sensor; return small(h, "temp", out); }
int nvmlDeviceGetPowerUsage(Handle h, unsigned *out) { return small(h, "power", out); }
int nvmlDeviceGetEnforcedPowerLimit(Handle h, unsigned *out) { return small(h, "limit", out); }
int nvmlDeviceGetTotalEccErrors(Handle h, int type, int counter, u64 *out) { (void)type; (void)counter; return number(h, "ecc", out); }
int nvmlDeviceGetRetiredPagesPendingStatus(Handle h, unsigned *out) { return small(h, "retired", out); }
int nvmlDeviceGetMigMode(Handle h, unsigned *now, unsigned *pending) {
    int code = small(h, "mig", now);
    *pending = *now;
    return code;
}
int nvmlDeviceGetRemappedRows(Handle h, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed) {
    *corrected = *uncorrected = *pending = 0;
    return small(h, "remap", failed);
}

struct Memory { u64 total, available, used; };
struct Memory_v2 { unsigned version; u64 total, reserved, available, used; };
struct Utilisation { unsigned gpu, memory; };
struct Process { unsigned pid; u64 memory; unsigned gpu_instance, compute_instance; };
struct Event { Handle device; u64 type, data; unsigned gpu_instance, compute_instance; };

int nvmlDeviceGetMemoryInfo_v2(Handle h, struct Memory_v2 *out) {
    u64 reserved;
    int code = number(h, "total", &out->total);
    if (code == OK) code = number(h, "used", &out->used);
    if (code == OK) code = number(h, "reserved", &reserved);
    if (code != OK) return code == NOT_SUPPORTED ? 13 : code;
    out->total <<= 20, out->used <<= 20;
    out->reserved = reserved << 20;
    out->available = out->total - out->used - out->reserved;
    return OK;
}
int nvmlDeviceGetMemoryInfo(Handle h, struct Memory *out) {
    u64 reserved = 0;
    int code = number(h, "total", &out->total);
    if (code == OK) code = number(h, "used", &out->used);
    if (code != OK) return code;
    number(h, "reserved", &reserved);
    out->total <<= 20;
    out->used = (out->used + reserved) << 20;
    out->available = out->total - out->used;
    return OK;
}
int nvmlDeviceGetUtilizationRates(Handle h, struct Utilisation *out) { out->memory = 0; return small(h, "gpu", &out->gpu); }


/* Two samples: the one that was taken last, and the largest, half a second before. */
struct Sample { u64 at, value; };
int nvmlDeviceGetSamples(Handle h, int kind, u64 since, int *type, unsigned *count, struct Sample *out) {
    unsigned peak = 0, last = 0;
    struct timespec now;
    int code = small(h, "peak", &peak);
    (void)kind, (void)since;
    if (code != OK) return code;
    small(h, "gpu", &last);
    *type = 1, *count = 2;
    if (!out) return OK;
    clock_gettime(CLOCK_REALTIME, &now);
    u64 at = (u64)now.tv_sec * 1000000 + (u64)now.tv_nsec / 1000;
    out[0] = (struct Sample){at - 500000, peak}, out[1] = (struct Sample){at, last};
    return OK;
}

int nvmlDeviceGetComputeRunningProcesses_v3(Handle h, unsigned *count, struct Process *out) {
    unsigned there = 0, room = *count, megabytes = 0;
    int code = small(h, "processes", &there);
    if (code != OK) return code;
    small(h, "process_mb", &megabytes);
    *count = there;
    if (!there) return OK;
    if (room < there || !out) return TOO_SMALL;
    for (unsigned i = 0; i < there; ++i) out[i] = (struct Process){7654321 + i, (u64)megabytes << 20, 0, 0};
    return OK;
}
int nvmlDeviceGetComputeRunningProcesses_v2(Handle h, unsigned *count, struct Process *out) {
    return nvmlDeviceGetComputeRunningProcesses_v3(h, count, out);
}

int nvmlDeviceGetMaxMigDeviceCount(Handle h, unsigned *out) { (void)h; *out = 7; return initialised ? OK : UNINITIALIZED; }
int nvmlDeviceGetMigDeviceHandleByIndex(Handle h, unsigned index, Handle *out) {
    char text[256];
    *out = handle(device_of(h), (int)index);
    int code = ask(*out, "uuid", text, sizeof text);
    return code == NOT_SUPPORTED ? NOT_FOUND : code;
}

static int told[64];
int nvmlEventSetCreate(Handle *out) { *out = (Handle)(size_t)7; return initialised ? OK : UNINITIALIZED; }
int nvmlDeviceRegisterEvents(Handle h, u64 types, Handle set) { (void)h; (void)types; (void)set; return OK; }
int nvmlEventSetWait_v2(Handle set, struct Event *out, unsigned milliseconds) {
    (void)set; (void)milliseconds;
    for (int device = 0; device < 64; ++device) {
        char prefix[64], text[64];
        snprintf(prefix, sizeof prefix, "device %d", device);
        if (find(prefix, "xid", text, sizeof text) && told[device] != atoi(text)) {
            told[device] = atoi(text);
            *out = (struct Event){handle(device, -1), 0x8, (u64)atoi(text), 0, 0};
            return OK;
        }
    }
    return TIMEOUT;
}
