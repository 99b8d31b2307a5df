// A library of TensorFlow Lite operators as a user would write it: "MeanColour" gives each channel's mean over a picture, times
// a gain that the model carries in the operator's options.
//
//     gcc -O2 -Wall -Wextra -shared -fPIC -o libmeancolour.so custom_op.c
//
// The declarations follow the C ABI of tensorflow/lite/core/c/common.h, which TensorFlow keeps stable: what is never touched
// here is declared by its size only. A library that has TensorFlow's sources at hand includes that header instead.

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, FAILED = 1, FLOAT32 = 1, UINT8 = 3 };

typedef struct { int size; int data[]; } Ints;

typedef struct {
  int type;
  void *data;
  Ints *dims;
  struct { float scale; int32_t zero_point; } params;
  int allocation_type;
  size_t bytes;
} TensorHead;

typedef struct {
  TensorHead head;
  const void *allocation;
  const char *name;
  void *delegate;
  int buffer_handle;
  bool data_is_stale, is_variable;
  struct { int type; void *params; } quantization;
  void *sparsity;
  const Ints *dims_signature;
} Tensor;

typedef struct Context {
  size_t tensors_size;
  void *get_execution_plan;
  Tensor *tensors;
  void *impl;
  int (*resize_tensor)(struct Context *, Tensor *, Ints *);
  void (*report_error)(struct Context *, const char *, ...);
} Context;

typedef struct {
  Ints *inputs, *outputs, *intermediates, *temporaries;
  void *user_data;
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

static int alive;

int mean_colour_alive(void) { return alive; }

static void *mean_init(Context *context, const char *options, size_t size) {
  (void)context;
  float *gain = malloc(sizeof *gain);
  *gain = 1;
  if (size == sizeof *gain) memcpy(gain, options, size);
  alive++;
  return gain;
}

static void mean_free(Context *context, void *gain) {
  (void)context;
  alive--;
  free(gain);
}

static int mean_prepare(Context *context, Node *node) {
  const TensorHead *input = &context->tensors[node->inputs->data[0]].head;
  if (input->type != UINT8 || input->dims->size != 4) {
    context->report_error(context, "MeanColour takes a picture of uint8");
    return FAILED;
  }
  int channels = input->dims->data[3];
  Ints *shape = malloc(sizeof *shape + 2 * sizeof(int));  // the runtime frees it
  shape->size = 2;
  shape->data[0] = 1;
  shape->data[1] = channels;
  return context->resize_tensor(context, &context->tensors[node->outputs->data[0]], shape);
}

static int mean_invoke(Context *context, Node *node) {
  const TensorHead *input = &context->tensors[node->inputs->data[0]].head;
  const TensorHead *output = &context->tensors[node->outputs->data[0]].head;
  const uint8_t *pixels = input->data;
  float *means = output->data, gain = *(const float *)node->user_data;
  int channels = input->dims->data[3];
  size_t count = input->bytes / (size_t)channels;
  for (int channel = 0; channel < channels; channel++) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += pixels[i * (size_t)channels + (size_t)channel];
    means[channel] = gain * (float)sum / (255.0f * (float)count);
  }
  return OK;
}

Registration *Register_MEAN_COLOUR(void) {
  static Registration op = {.init = mean_init, .free = mean_free, .prepare = mean_prepare, .invoke = mean_invoke};
  return &op;
}

Registration *Register_NAMED_OTHERWISE(void) {
  static Registration op = {.invoke = mean_invoke, .custom_name = "Otherwise"};
  return &op;
}

Registration *Register_WITHOUT_INVOKE(void) {
  static Registration op = {.prepare = mean_prepare};
  return &op;
}

Registration *Register_NOTHING(void) { return NULL; }

// What is no registration: a number, and a function that gives one.
int no_function = 1;
int gives_a_number(void) { return 12345; }
