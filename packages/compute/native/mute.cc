// Silences stderr while TensorFlow loads: its static initialisers log there whatever TF_CPP_MIN_LOG_LEVEL says.
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

#include <cstdio>

namespace {

int saved = -1;

napi_value Mute(napi_env, napi_callback_info) {
  if (saved >= 0) return nullptr;
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null < 0) return nullptr;
  std::fflush(stderr);
  saved = fcntl(2, F_DUPFD_CLOEXEC, 3);
  if (saved >= 0) dup2(null, 2);
  close(null);
  return nullptr;
}

napi_value Unmute(napi_env, napi_callback_info) {
  if (saved < 0) return nullptr;
  std::fflush(stderr);
  dup2(saved, 2);
  close(saved);
  saved = -1;
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "mute", NAPI_AUTO_LENGTH, Mute, nullptr, &function) != napi_ok) return nullptr;
  if (napi_set_named_property(env, exports, "mute", function) != napi_ok) return nullptr;
  if (napi_create_function(env, "unmute", NAPI_AUTO_LENGTH, Unmute, nullptr, &function) != napi_ok) return nullptr;
  if (napi_set_named_property(env, exports, "unmute", function) != napi_ok) return nullptr;
  return exports;
}
