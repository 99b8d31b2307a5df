// An external TensorFlow Lite delegate without a device: it claims the operators that the EdgeTPU compiler leaves behind, and
// answers for them. So real _edgetpu.tflite files run, and fail, on machines without a Coral.
//
//     gcc -O2 -Wall -Wextra -shared -fPIC -o libedgetpu_sim.so edgetpu_sim.c
//
// Options, as strings:
//     device=absent     opening fails, as it does without the stick
//     open_us=N         opening takes so long: a Coral's firmware upload takes seconds
//     exclusive=1       opening fails while this process has it open already
//     claim=NAME        which custom operator to take; "all" or "none" (edgetpu-custom-op)
//     latency_us=N      each invocation takes so long
//     fail_after=N      so many invocations go well, then all fail, as they do once the stick is pulled
//     fill=FILE         its bytes are the outputs, in order; zeros after its end
//     echo=1            the outputs are a running sum of the input's bytes: another picture, another answer
//
// The declarations follow the C ABI of tensorflow/lite/core/c/common.h, which TensorFlow keeps stable: what is never touched
// here is declared by its size only.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, FAILED = 1, ALLOW_DYNAMIC_TENSORS = 1 };

typedef struct { int size; int data[]; } Ints;
typedef struct Context Context;
typedef struct Delegate Delegate;

typedef struct {
  int type;
  uint8_t *data;
  Ints *dims;
  struct { float scale; int32_t zero_point; } params;
  int allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  Delegate *delegate;
  int buffer_handle;
  bool data_is_stale, is_variable;
  struct { int type; void *params; } quantization;
  void *sparsity;
  const Ints *dims_signature;
} Tensor;

typedef struct {
  Ints *inputs, *outputs, *intermediates, *temporaries;
  void *user_data, *builtin_data;
  const void *custom_initial_data;
  int custom_initial_data_size;
  Delegate *delegate;
  bool might_have_side_effect;
} Node;

typedef struct {
  void *(*init)(Context *, const char *, size_t);
  void (*free)(Context *, void *);
  int (*prepare)(Context *, Node *);
  int (*invoke)(Context *, Node *);
  const char *(*profiling_string)(const Context *, const Node *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  void *registration_external, *async_kernel;
  uint64_t inplace_operator;
} Registration;

struct Delegate {
  void *data;
  int (*prepare)(Context *, Delegate *);
  void *copy_from, *copy_to, *free_handle;
  int64_t flags;
  void *opaque_builder;
};

struct Context {
  size_t tensors_size;
  int (*get_execution_plan)(Context *, Ints **);
  Tensor *tensors;
  void *impl, *resize_tensor;
  void (*report_error)(Context *, const char *, ...);
  void *add_tensors;
  int (*get_node)(Context *, int, Node **, Registration **);
  int (*replace_nodes)(Context *, Registration, const Ints *, Delegate *);
};

typedef struct { Delegate *delegate; Ints *nodes, *inputs, *outputs; } Subgraph;

typedef struct {
  char claim[64];
  long open_us, latency_us, fail_after, calls;
  bool absent, echo, exclusive, counted;
  uint8_t *fill;
  size_t fill_size;
} Device;

typedef struct { Device *device; Ints *inputs, *outputs; } Kernel;

static Ints *copy_ints(const Ints *from) {
  size_t size = sizeof *from + sizeof(int) * (size_t)from->size;
  Ints *copy = malloc(size);
  if (copy) memcpy(copy, from, size);
  return copy;
}

static void *kernel_init(Context *context, const char *buffer, size_t size) {
  (void)context, (void)size;
  const Subgraph *subgraph = (const Subgraph *)buffer;
  Kernel *kernel = malloc(sizeof *kernel);
  kernel->device = subgraph->delegate->data;
  kernel->inputs = copy_ints(subgraph->inputs);
  kernel->outputs = copy_ints(subgraph->outputs);
  return kernel;
}

static void kernel_free(Context *context, void *self) {
  (void)context;
  Kernel *kernel = self;
  free(kernel->inputs);
  free(kernel->outputs);
  free(kernel);
}

static int kernel_prepare(Context *context, Node *node) {
  (void)context, (void)node;
  return OK;
}

static void echo(const Context *context, const Kernel *kernel, Tensor *output) {
  const Tensor *input = &context->tensors[kernel->inputs->data[0]];
  uint32_t sum = 0;
  for (size_t i = 0; input->data && i < output->bytes; i++) {
    for (size_t j = i; j < input->bytes; j += output->bytes) sum = sum * 31 + input->data[j];
    output->data[i] = (uint8_t)(sum >> 8);
  }
}

static int kernel_invoke(Context *context, Node *node) {
  const Kernel *kernel = node->user_data;
  Device *device = kernel->device;
  if (device->latency_us) usleep((useconds_t)device->latency_us);
  if (device->fail_after >= 0 && device->calls++ >= device->fail_after) {
    context->report_error(context, "edgetpu-sim: the device is gone");
    return FAILED;
  }
  size_t done = 0;
  for (int i = 0; i < kernel->outputs->size; i++) {
    Tensor *output = &context->tensors[kernel->outputs->data[i]];
    if (!output->data) continue;
    memset(output->data, 0, output->bytes);
    if (device->echo) echo(context, kernel, output);
    if (done < device->fill_size) {
      size_t left = device->fill_size - done;
      memcpy(output->data, device->fill + done, left < output->bytes ? left : output->bytes);
    }
    done += output->bytes;
  }
  return OK;
}

static int delegate_prepare(Context *context, Delegate *delegate) {
  const Device *device = delegate->data;
  Ints *plan;
  if (context->get_execution_plan(context, &plan) != OK) return FAILED;
  Ints *claimed = copy_ints(plan);
  claimed->size = 0;
  for (int i = 0; i < plan->size; i++) {
    Node *node;
    Registration *registration;
    if (context->get_node(context, plan->data[i], &node, &registration) != OK) return FAILED;
    const char *name = registration->custom_name;
    if (strcmp(device->claim, "all") == 0 || (name && strcmp(name, device->claim) == 0))
      claimed->data[claimed->size++] = plan->data[i];
  }
  Registration kernel = {
      .init = kernel_init, .free = kernel_free, .prepare = kernel_prepare, .invoke = kernel_invoke,
      .custom_name = "edgetpu-sim", .version = 1,
  };
  int status = claimed->size ? context->replace_nodes(context, kernel, claimed, delegate) : OK;
  free(claimed);
  return status;
}

static bool read_fill(Device *device, const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  fseek(file, 0, SEEK_END);
  device->fill_size = (size_t)ftell(file);
  rewind(file);
  device->fill = malloc(device->fill_size);
  device->fill_size = fread(device->fill, 1, device->fill_size, file);
  fclose(file);
  return true;
}

static bool set_option(Device *device, const char *key, const char *value) {
  if (strcmp(key, "device") == 0) device->absent = strcmp(value, "absent") == 0;
  else if (strcmp(key, "open_us") == 0) device->open_us = atol(value);
  else if (strcmp(key, "exclusive") == 0) device->exclusive = strcmp(value, "1") == 0;
  else if (strcmp(key, "claim") == 0) snprintf(device->claim, sizeof device->claim, "%s", value);
  else if (strcmp(key, "latency_us") == 0) device->latency_us = atol(value);
  else if (strcmp(key, "fail_after") == 0) device->fail_after = atol(value);
  else if (strcmp(key, "echo") == 0) device->echo = strcmp(value, "1") == 0;
  else if (strcmp(key, "fill") == 0) return read_fill(device, value);
  else return false;
  return true;
}

static int open_devices;

static void close_device(Device *device) {
  open_devices -= device->counted;
  free(device->fill);
  free(device);
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
  Device *device = calloc(1, sizeof *device);
  const char *wrong = NULL;
  strcpy(device->claim, "edgetpu-custom-op");
  device->fail_after = -1;
  for (size_t i = 0; i < count && !wrong; i++)
    if (!set_option(device, keys[i], values[i])) wrong = "edgetpu-sim: unknown or unreadable option";
  if (device->open_us) usleep((useconds_t)device->open_us);
  if (device->absent) wrong = "edgetpu-sim: no device found";
  if (!wrong && device->exclusive && open_devices) wrong = "edgetpu-sim: the device is in use";
  if (wrong) {
    if (report) report(wrong);
    close_device(device);
    return NULL;
  }
  device->counted = true;
  open_devices++;
  Delegate *delegate = calloc(1, sizeof *delegate);
  delegate->data = device;
  delegate->prepare = delegate_prepare;
  // Without it the graph is prepared before we are asked, and an operator that nobody knows fails.
  delegate->flags = ALLOW_DYNAMIC_TENSORS;
  return delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) {
  if (!delegate) return;
  close_device(delegate->data);
  free(delegate);
}
