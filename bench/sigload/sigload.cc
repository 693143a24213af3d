// sigload - single-threaded load generator for SignalR servers (JSON and MessagePack hub protocols over WebSocket).
//
//   g++ -O2 -std=c++17 -Wall -Wextra -o sigload sigload.cc
//   ./sigload MODE [options]          (./sigload --help)
//
// Only loopback destinations are accepted. One JSON line with the results goes to stdout,
// progress and errors go to stderr.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

namespace {

constexpr uint64_t kSecond = 1000000000ull;
constexpr char kRecordEnd = 0x1e;
// The sample nonce of RFC 6455, section 1.3: its accept value is known, so it can be checked without SHA-1.
constexpr const char* kWsKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr const char* kWsAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const char* kHelp =
    R"(usage: sigload MODE [options]

modes
  echo       every connection keeps --inflight invocations of --method in flight; paced: at most so many
  recv       count what arrives (somebody else sends)
  idle       hold the connections
  bcast      N receivers; POST --post-body to --post-path, measure the delivered copies
  bcast-hub  N receivers; connection 0 invokes --method with the timestamped payload

options
  --host A          loopback address of the server          (127.0.0.1)
  --port P          port                                    (9000)
  --path P          WebSocket path; {i} = connection index, {k} = {i} modulo --targets,
                    {token} = line {i} of --tokens          (/client/?hub=bench)
  --header 'K: V'   extra header on the upgrade request, repeatable; {i}, {k}, {token} as above
  --tokens FILE     one token per line for the connections, in turn
  --messagepack F   share of the connections that speak the MessagePack hub protocol; recv, idle, bcast (0)
  --conns N         connections                             (100)
  --connect-conc C  connection attempts under way at once   (100)
  --src-addrs K     source addresses 127.0.0.2 ...          (16)
  --runs R          measurement windows                     (3)
  --duration S      length of a window                      (5)
  --warmup S        before the first window                 (1)
  --settle S        between connecting and starting         (0.5)
  --ping S          client ping interval, 0 = none          (10)
  --size B          payload bytes                           (100)
  --inflight W      echo: invocations in flight per connection   (1)
  --method M        hub method                              (Echo / Broadcast)
  --post-path P     bcast: path of the POST; {seq} = number of the POST, {k} = {seq} modulo --targets (/broadcast)
  --post-body T     bcast: template; {t} = ns, {pad} = filler, {seq} = number
  --post-header H   bcast: extra header of the POST, repeatable; {token} = line {seq} of --post-tokens
  --post-tokens F   one token per line for the POSTs, in turn
  --targets N       how many groups or users {k} counts through  (1)
  --receivers N     bcast: connections that get a copy of each POST, 0 = all (0)
  --outstanding K   broadcasts under way at once            (2)
  --burst B         broadcasts per burst: B pipelined POSTs / B invocations in one write (1)
  --rate R          broadcasts (echo: invocations) per second, 0 = as fast as --outstanding (--inflight) allows (0)
  --then-fraction F after the windows, as many again at F x the median rate reached (0 = off)
  --server-pid P    sample CPU time and RSS of that process
  --server-core C   the one core that the server is pinned to: reports what others took of it (-1 = not pinned)
  --max-other F     machine shared with others: wait for, and keep, windows in which others take less than F
                    of --server-core (without it, of the whole machine); keeps the best of 3 when none is quiet (off)
  --label L         copied to the result

A broadcast counts as under way until the server has answered it and every receiver has its copy,
so the unpaced modes measure a rate that the server can keep up. Latency is from the send (scheduled, when
paced) of a broadcast or an invocation to the arrival of the record, on CLOCK_MONOTONIC.
)";

[[noreturn]] void die(const char* fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  fputs("sigload: ", stderr);
  vfprintf(stderr, fmt, ap);
  fputc('\n', stderr);
  va_end(ap);
  exit(2);
}

uint64_t now_ns() {
  timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return uint64_t(ts.tv_sec) * kSecond + uint64_t(ts.tv_nsec);
}

// ---------------------------------------------------------------- options

struct Options {
  std::string mode, host = "127.0.0.1", path = "/client/?hub=bench", method, label;
  std::string post_path = "/broadcast", post_body;
  std::vector<std::string> tokens, post_tokens;
  std::vector<std::string> headers, post_headers;
  int port = 9000, conns = 100, connect_conc = 100, src_addrs = 16, runs = 3, size = 100, inflight = 1;
  int outstanding = 2, burst = 1, targets = 1, receivers = 0, server_pid = 0, server_core = -1;
  double duration = 5, warmup = 1, settle = 0.5, ping = 10, rate = 0, then_fraction = 0, max_other = 0, messagepack = 0;
} opt;

std::vector<std::string> lines_of(const char* file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) lines.push_back(line);
  if (lines.empty()) die("%s: not readable, or empty", file);
  return lines;
}

void parse_args(int argc, char** argv) {
  if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
    fputs(kHelp, argc < 2 ? stderr : stdout);
    exit(argc < 2 ? 2 : 0);
  }
  opt.mode = argv[1];
  for (int i = 2; i < argc; i++) {
    std::string name = argv[i];
    if (i + 1 >= argc) die("%s needs a value", argv[i]);
    const char* v = argv[++i];
    if (name == "--host") opt.host = v;
    else if (name == "--port") opt.port = atoi(v);
    else if (name == "--path") opt.path = v;
    else if (name == "--header") opt.headers.push_back(v);
    else if (name == "--conns") opt.conns = atoi(v);
    else if (name == "--connect-conc") opt.connect_conc = atoi(v);
    else if (name == "--src-addrs") opt.src_addrs = atoi(v);
    else if (name == "--runs") opt.runs = atoi(v);
    else if (name == "--duration") opt.duration = atof(v);
    else if (name == "--warmup") opt.warmup = atof(v);
    else if (name == "--settle") opt.settle = atof(v);
    else if (name == "--ping") opt.ping = atof(v);
    else if (name == "--size") opt.size = atoi(v);
    else if (name == "--inflight") opt.inflight = atoi(v);
    else if (name == "--method") opt.method = v;
    else if (name == "--post-path") opt.post_path = v;
    else if (name == "--post-body") opt.post_body = v;
    else if (name == "--post-header") opt.post_headers.push_back(v);
    else if (name == "--tokens") opt.tokens = lines_of(v);
    else if (name == "--post-tokens") opt.post_tokens = lines_of(v);
    else if (name == "--targets") opt.targets = atoi(v);
    else if (name == "--receivers") opt.receivers = atoi(v);
    else if (name == "--messagepack") opt.messagepack = atof(v);
    else if (name == "--outstanding") opt.outstanding = atoi(v);
    else if (name == "--burst") opt.burst = atoi(v);
    else if (name == "--rate") opt.rate = atof(v);
    else if (name == "--then-fraction") opt.then_fraction = atof(v);
    else if (name == "--server-pid") opt.server_pid = atoi(v);
    else if (name == "--server-core") opt.server_core = atoi(v);
    else if (name == "--max-other") opt.max_other = atof(v);
    else if (name == "--label") opt.label = v;
    else die("unknown option %s", name.c_str());
  }
  static const char* modes[] = {"echo", "recv", "idle", "bcast", "bcast-hub"};
  if (std::none_of(std::begin(modes), std::end(modes), [](const char* m) { return opt.mode == m; }))
    die("unknown mode %s", opt.mode.c_str());
  if (opt.method.empty()) opt.method = opt.mode == "echo" ? "Echo" : "Broadcast";
  if (opt.post_body.empty())
    opt.post_body = R"({"target":"bench","arguments":[{"t":{t},"pad":"{pad}"}]})";
  if (opt.conns < 1 || opt.connect_conc < 1 || opt.inflight < 1 || opt.burst < 1 || opt.outstanding < 1 ||
      opt.runs < 1 || opt.targets < 1 || opt.receivers < 0 || opt.receivers > opt.conns || opt.size < 0 ||
      opt.src_addrs < 1 || opt.src_addrs > 250 || opt.duration <= 0)
    die("an option is out of range");
  if (opt.messagepack < 0 || opt.messagepack > 1) die("--messagepack is a share between 0 and 1");
  if (opt.messagepack > 0 && (opt.mode == "echo" || opt.mode == "bcast-hub"))
    die("--messagepack: not in mode %s", opt.mode.c_str());
}

void replace_all(std::string& s, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = s.find(from, at)) != std::string::npos; at += to.size()) s.replace(at, from.size(), to);
}

// Fills in what a connection's or a POST's number stands for.
void number_template(std::string& s, uint64_t number, const std::vector<std::string>& tokens) {
  replace_all(s, "{k}", std::to_string(number % uint64_t(opt.targets)));
  if (!tokens.empty()) replace_all(s, "{token}", tokens[number % tokens.size()]);
}

// ---------------------------------------------------------------- histogram

// Log-linear: 64 buckets per power of two, so a quantile is at most 1.6 % too high.
class Histogram {
 public:
  Histogram() : counts_(64 * 59) {}
  void record(uint64_t v) {
    counts_[index(v)]++;
    total_++;
    max_ = std::max(max_, v);
  }
  void reset() {
    std::fill(counts_.begin(), counts_.end(), 0);
    total_ = max_ = 0;
  }
  double quantile_us(double q) const {
    uint64_t want = uint64_t(double(total_) * q), seen = 0;
    for (size_t i = 0; i < counts_.size(); i++) {
      seen += counts_[i];
      if (seen > want) return double(std::min(upper(i), max_)) / 1e3;
    }
    return double(max_) / 1e3;
  }
  double max_us() const { return double(max_) / 1e3; }

 private:
  static size_t index(uint64_t v) {
    if (v < 64) return size_t(v);
    int e = 63 - __builtin_clzll(v);
    return size_t(e - 5) * 64 + ((v >> (e - 6)) & 63);
  }
  static uint64_t upper(size_t i) {
    if (i < 64) return i;
    int e = int(i / 64) + 5;
    return (1ull << e) + ((uint64_t(i % 64) + 1) << (e - 6)) - 1;
  }
  std::vector<uint64_t> counts_;
  uint64_t total_ = 0, max_ = 0;
};

// ---------------------------------------------------------------- what the machine says

struct Sample {
  uint64_t at = 0;
  double server_cpu = 0, own_cpu = 0, all_cpu = 0, core_cpu = 0, stolen = 0;  // seconds
};

double proc_kib(const char* path, const char* field) {
  FILE* f = fopen(path, "r");
  if (!f) return 0;
  char line[256];
  double kib = 0;
  size_t n = strlen(field);
  while (fgets(line, sizeof line, f))
    if (!strncmp(line, field, n)) {
      kib = atof(line + n);
      break;
    }
  fclose(f);
  return kib;
}

double rss_mib() {  // of the server
  if (!opt.server_pid) return 0;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/status", opt.server_pid);
  return proc_kib(path, "VmRSS:") / 1024;
}

// Slab memory: sockets, epoll items, files; of both ends.
double kernel_mib() { return proc_kib("/proc/meminfo", "Slab:") / 1024; }

Sample sample() {
  Sample s;
  static const double tick = double(sysconf(_SC_CLK_TCK));
  if (opt.server_pid) {
    char path[64], buf[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", opt.server_pid);
    if (FILE* f = fopen(path, "r")) {
      size_t n = fread(buf, 1, sizeof buf - 1, f);
      buf[n] = 0;
      fclose(f);
      unsigned long ut = 0, st = 0;
      if (char* p = strrchr(buf, ')'))
        if (sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st) == 2)
          s.server_cpu = double(ut + st) / tick;
    }
  }
  if (FILE* f = fopen("/proc/stat", "r")) {
    char line[512], name[16], core[16];
    snprintf(core, sizeof core, "cpu%d", opt.server_core);
    unsigned long long v[8];
    while (fgets(line, sizeof line, f)) {
      if (sscanf(line, "%15s %llu %llu %llu %llu %llu %llu %llu %llu", name, v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6,
                 v + 7) != 9)
        break;
      double busy = double(v[0] + v[1] + v[2] + v[5] + v[6]) / tick;
      if (!strcmp(name, "cpu")) s.all_cpu = busy, s.stolen = double(v[7]) / tick;
      else if (!strcmp(name, core)) s.core_cpu = busy;
    }
    fclose(f);
  }
  rusage ru;
  getrusage(RUSAGE_SELF, &ru);
  s.own_cpu = double(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) + double(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
  s.at = now_ns();
  return s;
}

// ---------------------------------------------------------------- sockets

int g_epoll = -1;

struct Pollable {
  int fd = -1;
  bool writing = false;  // EPOLLOUT asked for
  std::string out;       // bytes the kernel did not take yet
  virtual ~Pollable() = default;
  virtual void on_event(uint32_t events) = 0;
  virtual void on_lost(const char* why) = 0;

  void watch(bool write, bool add = false) {
    epoll_event ev{};
    ev.events = EPOLLIN | EPOLLET | EPOLLRDHUP | (write ? uint32_t(EPOLLOUT) : 0u);
    ev.data.ptr = this;
    if (epoll_ctl(g_epoll, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &ev)) die("epoll_ctl: %s", strerror(errno));
    writing = write;
  }
  void send_bytes(const char* p, size_t n) {
    if (fd < 0) return;
    if (out.empty()) {
      ssize_t w = ::send(fd, p, n, MSG_NOSIGNAL);
      if (w < 0) {
        if (errno != EAGAIN && errno != EINTR) return on_lost(strerror(errno));
        w = 0;
      }
      if (size_t(w) == n) return;
      p += w;
      n -= size_t(w);
    }
    out.append(p, n);
    if (!writing) watch(true);
  }
  void flush() {
    while (fd >= 0 && !out.empty()) {
      ssize_t w = ::send(fd, out.data(), out.size(), MSG_NOSIGNAL);
      if (w < 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN) on_lost(strerror(errno));
        return;
      }
      out.erase(0, size_t(w));
    }
    if (fd >= 0 && writing) watch(false);
  }
};

sockaddr_in server_addr() {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(uint16_t(opt.port));
  if (inet_pton(AF_INET, opt.host.c_str(), &a.sin_addr) != 1) die("--host must be an IPv4 address");
  if ((ntohl(a.sin_addr.s_addr) >> 24) != 127) die("--host must be a loopback address (127.0.0.0/8)");
  return a;
}

// Starts a non-blocking connect from source address number `src`; -1 when the kernel refuses at once.
int start_connect(int src) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket: %s (raise ulimit -n?)", strerror(errno));
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(0x7f000002u + uint32_t(src));
  if (bind(fd, reinterpret_cast<sockaddr*>(&from), sizeof from)) die("bind: %s", strerror(errno));
  static const sockaddr_in to = server_addr();
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) && errno != EINPROGRESS) {
    int e = errno;
    close(fd);
    errno = e;
    return -1;
  }
  return fd;
}

std::vector<char> g_buf(512 * 1024);

// Reads until the socket is drained; feeds carry-over + new bytes to `consume`, which says how much it used.
template <class Consume>
void read_all(Pollable& p, std::string& carry, Consume consume) {
  while (p.fd >= 0) {
    size_t have = carry.size();
    if (g_buf.size() < have + 256 * 1024) g_buf.resize(have * 2 + 256 * 1024);
    if (have) memcpy(g_buf.data(), carry.data(), have);
    size_t room = g_buf.size() - have;
    ssize_t n = ::recv(p.fd, g_buf.data() + have, room, 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return;
      return p.on_lost(strerror(errno));
    }
    if (n == 0) return p.on_lost("closed by the server");
    size_t total = have + size_t(n), used = consume(g_buf.data(), total);
    if (p.fd < 0) return;
    if (used < total) carry.assign(g_buf.data() + used, total - used);
    else if (have) carry.clear();
    if (size_t(n) < room) return;  // drained: edge-triggered epoll tells about the next bytes
  }
}

// ---------------------------------------------------------------- counters

struct Counters {
  uint64_t messages = 0, packed = 0, completions = 0, errors = 0, bytes = 0, pings = 0, reads = 0, broadcasts = 0;
  uint64_t lost = 0, late = 0;
};
Counters g_now;       // running totals since the start
Histogram g_latency;  // of the current window
uint64_t g_delivered = 0;  // broadcast copies, since the start
bool g_measuring = false;
std::string g_last_error;

const char* find(const char* p, size_t n, const char* what, size_t wn) {
  return static_cast<const char*>(memmem(p, n, what, wn));
}
#define FIND(p, n, lit) find(p, n, lit, sizeof(lit) - 1)

uint64_t parse_u64(const char* p, const char* end) {
  uint64_t v = 0;
  while (p < end && *p == ' ') p++;
  while (p < end && *p >= '0' && *p <= '9') v = v * 10 + uint64_t(*p++ - '0');
  return v;
}

int record_type(const char* p, size_t n) {
  static const char head[] = "{\"type\":";
  if (n > sizeof head && !memcmp(p, head, sizeof head - 1)) return p[sizeof head - 1] - '0';
  const char* at = FIND(p, n, "\"type\":");
  return at ? int(parse_u64(at + 7, p + n)) : -1;
}

// ---------------------------------------------------------------- MessagePack

// The length prefix of a message: 7 bits per byte, least significant first, at most 5 bytes.
// Says how many bytes it takes; 0 = not all here yet, 6 = not a length.
size_t parse_varint(const char* p, size_t n, uint64_t& value) {
  value = 0;
  for (size_t i = 0; i < n && i < 5; i++) {
    value |= uint64_t(p[i] & 127) << (7 * i);
    if (!(p[i] & 0x80)) return i + 1;
  }
  return n < 5 ? 0 : 6;
}

// An integer in any of MessagePack's unsigned, signed or floating forms; 0 when it is none or cut off.
uint64_t parse_messagepack_u64(const char* p, const char* end) {
  if (p >= end) return 0;
  unsigned char form = uint8_t(*p++);
  size_t bytes = 0;
  switch (form) {
    case 0xcc: case 0xd0: bytes = 1; break;
    case 0xcd: case 0xd1: bytes = 2; break;
    case 0xce: case 0xd2: bytes = 4; break;
    case 0xcf: case 0xd3: case 0xcb: bytes = 8; break;  // 0xcb: a double
    default: return form < 0x80 ? form : 0;
  }
  if (size_t(end - p) < bytes) return 0;
  uint64_t v = 0;
  for (size_t i = 0; i < bytes; i++) v = v << 8 | uint8_t(p[i]);
  if (form != 0xcb) return v;
  double d;
  memcpy(&d, &v, sizeof d);
  return d < 0 ? 0 : uint64_t(d);
}

// The type of a hub message: the first element of its array.
int messagepack_type(const char* p, size_t n) {
  return n >= 2 && (p[0] & 0xf0) == 0x90 ? p[1] : -1;
}

// ---------------------------------------------------------------- frames to the server

uint32_t g_rand = 0x9e3779b9u;
uint32_t next_mask() {
  g_rand ^= g_rand << 13;
  g_rand ^= g_rand >> 17;
  g_rand ^= g_rand << 5;
  return g_rand;
}

void append_frame(std::string& to, int opcode, const char* p, size_t n) {
  unsigned char h[14];
  size_t hn = 2;
  h[0] = uint8_t(0x80 | opcode);
  if (n < 126) h[1] = uint8_t(0x80 | n);
  else if (n < 65536) {
    h[1] = 0x80 | 126;
    h[2] = uint8_t(n >> 8);
    h[3] = uint8_t(n);
    hn = 4;
  } else {
    h[1] = 0x80 | 127;
    for (int i = 0; i < 8; i++) h[2 + i] = uint8_t(uint64_t(n) >> (56 - 8 * i));
    hn = 10;
  }
  uint32_t m = next_mask();
  memcpy(h + hn, &m, 4);
  to.append(reinterpret_cast<char*>(h), hn + 4);
  size_t at = to.size();
  to.append(p, n);
  char* d = &to[at];
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    uint32_t w;
    memcpy(&w, d + i, 4);
    w ^= m;
    memcpy(d + i, &w, 4);
  }
  const unsigned char* mb = h + hn;
  for (; i < n; i++) d[i] ^= char(mb[i & 3]);
}

// ---------------------------------------------------------------- a SignalR connection

struct Conn;
std::vector<std::unique_ptr<Conn>> g_conns;
int g_connecting = 0, g_ready = 0, g_failed = 0, g_next = 0;
bool g_running = false;  // the mode's traffic has started

void pump_broadcasts();
void on_hub_completion();
void on_slot_free(Conn& c, size_t k);

struct Conn : Pollable {
  enum State : uint8_t { Connecting, Upgrading, Handshaking, Ready, Dead };
  State state = Connecting;
  int index;
  bool messagepack;
  std::string carry, partial;  // an unfinished frame, an unfinished record or message
  std::vector<uint64_t> sent_at;
  std::string batch;  // frames to write after the current read

  // Every n-th connection speaks MessagePack, so that both kinds are spread evenly.
  explicit Conn(int i) : index(i), messagepack(int((i + 1) * opt.messagepack) > int(i * opt.messagepack)) {}

  void start() {
    fd = start_connect(index % opt.src_addrs);
    g_connecting++;
    if (fd < 0) return on_lost(strerror(errno));
    watch(true, true);
  }

  void on_lost(const char* why) override {
    if (state == Dead) return;
    if (state == Ready) {
      g_ready--;
      g_now.lost++;
    } else {
      g_connecting--;
      g_failed++;
    }
    g_last_error = why;
    state = Dead;
    if (fd >= 0) close(fd);
    fd = -1;
  }

  void on_event(uint32_t events) override {
    if (state == Connecting) {
      int e = 0;
      socklen_t n = sizeof e;
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n);
      if (e) return on_lost(strerror(e));
      if (!(events & EPOLLOUT)) return;
      state = Upgrading;
      watch(false);
      send_upgrade();
      return;
    }
    if (events & EPOLLOUT) flush();
    if (fd >= 0 && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
      g_now.reads++;
      read_all(*this, carry, [this](char* p, size_t n) { return consume(p, n); });
      send_batch();
    }
  }

  void send_upgrade() {
    std::string r = "GET " + opt.path + " HTTP/1.1\r\nHost: " + opt.host + ":" + std::to_string(opt.port) +
                    "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
                    kWsKey + "\r\n";
    for (auto& h : opt.headers) r += h + "\r\n";
    r += "\r\n";
    replace_all(r, "{i}", std::to_string(index));
    number_template(r, uint64_t(index), opt.tokens);
    send_bytes(r.data(), r.size());
  }

  size_t consume(char* p, size_t n) {
    size_t used = 0;
    if (state == Upgrading) {
      const char* end = FIND(p, n, "\r\n\r\n");
      if (!end) {
        if (n > 65536) on_lost("endless upgrade response");
        return 0;
      }
      used = size_t(end - p) + 4;
      if (n < 12 || memcmp(p, "HTTP/1.1 101", 12)) {
        on_lost(("upgrade refused: " + std::string(p, std::min<size_t>(n, 60))).c_str());
        return n;
      }
      if (!find(p, used, kWsAccept, strlen(kWsAccept))) {
        on_lost("wrong Sec-WebSocket-Accept");
        return n;
      }
      state = Handshaking;
      static const std::string json = "{\"protocol\":\"json\",\"version\":1}\x1e";
      static const std::string pack = "{\"protocol\":\"messagepack\",\"version\":1}\x1e";
      const std::string& hello = messagepack ? pack : json;
      std::string f;
      append_frame(f, 1, hello.data(), hello.size());
      send_bytes(f.data(), f.size());
    }
    while (fd >= 0) {  // frames
      const unsigned char* h = reinterpret_cast<unsigned char*>(p) + used;
      size_t left = n - used, hn = 2;
      if (left < 2) break;
      uint64_t len = h[1] & 127;
      if (h[1] & 0x80) {
        on_lost("masked frame from the server");
        return n;
      }
      if (len == 126) {
        if (left < 4) break;
        len = uint64_t(h[2]) << 8 | h[3];
        hn = 4;
      } else if (len == 127) {
        if (left < 10) break;
        len = 0;
        for (int i = 2; i < 10; i++) len = len << 8 | h[i];
        hn = 10;
      }
      if (left - hn < len) break;
      const char* body = p + used + hn;
      used += hn + size_t(len);
      g_now.bytes += hn + len;
      int op = h[0] & 15;
      if (op <= 2) on_payload(body, size_t(len));
      else if (op == 9) append_frame(batch, 10, body, size_t(len));
      else if (op == 8)
        on_lost(len >= 2 ? ("close frame " + std::to_string((body[0] & 255) << 8 | (body[1] & 255))).c_str() : "close frame");
    }
    return used;
  }

  void on_payload(const char* p, size_t n) {
    while (n) {
      if (messagepack && state == Ready) return on_packed(p, n);
      const char* e = static_cast<const char*>(memchr(p, kRecordEnd, n));
      if (!e) {
        partial.append(p, n);
        return;
      }
      size_t rn = size_t(e - p);
      if (partial.empty()) on_record(p, rn);
      else {
        partial.append(p, rn);
        on_record(partial.data(), partial.size());
        partial.clear();
      }
      if (fd < 0) return;
      p += rn + 1;
      n -= rn + 1;
    }
  }

  // Length-prefixed MessagePack messages, whole or not.
  void on_packed(const char* p, size_t n) {
    std::string whole;
    if (!partial.empty()) {
      whole.swap(partial);
      whole.append(p, n);
      p = whole.data();
      n = whole.size();
    }
    while (n && fd >= 0) {
      uint64_t len;
      size_t hn = parse_varint(p, n, len);
      if (hn == 6) return on_lost("not a MessagePack message");
      if (hn == 0 || n - hn < len) {
        partial.assign(p, n);
        return;
      }
      on_message(p + hn, size_t(len));
      p += hn + len;
      n -= hn + size_t(len);
    }
  }

  void on_message(const char* p, size_t n) {
    switch (messagepack_type(p, n)) {
      case 1: {
        const char* t = FIND(p, n, "\xa1t");
        on_copy(t ? parse_messagepack_u64(t + 2, p + n) : 0);
        break;
      }
      case 6: g_now.pings++; break;
      case 7: g_last_error = "close message"; break;
      default: break;
    }
  }

  // A copy of a broadcast that was sent at time t; 0 = unknown.
  void on_copy(uint64_t t) {
    g_now.messages++;
    g_now.packed += messagepack;
    g_delivered++;
    if (t && g_measuring) g_latency.record(now_ns() - t);
  }

  void on_record(const char* p, size_t n) {
    if (state == Handshaking) {
      if (FIND(p, n, "\"error\"")) return on_lost(("handshake: " + std::string(p, n)).c_str());
      state = Ready;
      g_connecting--;
      g_ready++;
      return;
    }
    switch (record_type(p, n)) {
      case 1: {
        const char* t = FIND(p, n, "\"t\":");
        on_copy(t ? parse_u64(t + 4, p + n) : 0);
        break;
      }
      case 3: {
        g_now.completions++;
        if (FIND(p, n, "\"error\":")) {
          g_now.errors++;
          g_last_error.assign(p, n);
        }
        if (opt.mode == "bcast-hub") on_hub_completion();
        else if (!sent_at.empty()) {
          const char* id = FIND(p, n, "\"invocationId\":\"");
          size_t k = id ? size_t(parse_u64(id + 16, p + n)) : sent_at.size();
          if (k >= sent_at.size()) break;
          uint64_t t = now_ns();
          if (g_measuring) g_latency.record(t - sent_at[k]);
          on_slot_free(*this, k);
        }
        break;
      }
      case 6: g_now.pings++; break;
      case 7: g_last_error.assign(p, n); break;
      default: break;
    }
  }

  void invoke_echo(size_t k, uint64_t t) {
    static const std::string tail =
        "\",\"target\":\"" + opt.method + "\",\"arguments\":[\"" + std::string(size_t(opt.size), 'x') + "\"]}\x1e";
    char head[64];
    int hn = snprintf(head, sizeof head, "{\"type\":1,\"invocationId\":\"%zu", k);
    std::string r(head, size_t(hn));
    r += tail;
    sent_at[k] = t;
    append_frame(batch, 1, r.data(), r.size());
  }

  void start_echo() {
    sent_at.assign(size_t(opt.inflight), 0);
    for (size_t k = 0; k < sent_at.size(); k++) on_slot_free(*this, k);
    send_batch();
  }

  void send_batch() {
    if (batch.empty()) return;
    send_bytes(batch.data(), batch.size());
    batch.clear();
  }

  void ping() {
    static const std::string json = "{\"type\":6}\x1e", pack = "\x02\x91\x06";
    const std::string& message = messagepack ? pack : json;
    std::string f;
    append_frame(f, messagepack ? 2 : 1, message.data(), message.size());
    send_bytes(f.data(), f.size());
  }
};

// ---------------------------------------------------------------- broadcasts

uint64_t g_issued = 0, g_sequence = 0;
int g_hub_outstanding = 0;
std::deque<uint64_t> g_due;  // paced: scheduled times of the bursts that could not be sent yet

std::string body_of(uint64_t t, uint64_t number) {
  static const std::string pad(size_t(opt.size), 'x');
  std::string b = opt.post_body;
  replace_all(b, "{t}", std::to_string(t));
  replace_all(b, "{seq}", std::to_string(number));
  replace_all(b, "{pad}", pad);
  return b;
}

struct Poster : Pollable {  // one keep-alive HTTP/1.1 connection, one burst under way
  std::string carry, burst;
  int awaited = 0, failures = 0;
  bool connected = false;

  void start() {
    fd = start_connect(0);
    if (fd < 0) die("POST connection: %s", strerror(errno));
    watch(true, true);
  }
  // A server may close an idle keep-alive connection at any moment: connect again, repeat the burst under way.
  void on_lost(const char* why) override {
    if (++failures > 3) die("POST connection: %s", why);
    close(fd);
    connected = writing = false;
    carry.clear();
    out.clear();
    start();
  }
  bool idle() const { return connected && awaited == 0; }

  void post(uint64_t t) {
    burst.clear();
    for (int i = 0; i < opt.burst; i++) {
      uint64_t number = g_sequence++;
      std::string b = body_of(t, number);
      std::string head = "POST " + opt.post_path + " HTTP/1.1\r\nHost: " + opt.host + ":" + std::to_string(opt.port) +
                         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(b.size()) + "\r\n";
      for (auto& h : opt.post_headers) head += h + "\r\n";
      replace_all(head, "{seq}", std::to_string(number));
      number_template(head, number, opt.post_tokens);
      burst += head + "\r\n" + b;
    }
    awaited = opt.burst;
    send_bytes(burst.data(), burst.size());
  }

  void on_event(uint32_t events) override {
    if (!connected) {
      if (!(events & EPOLLOUT)) return on_lost("cannot connect");
      connected = true;
      watch(false);
      if (awaited) {
        awaited = opt.burst;
        send_bytes(burst.data(), burst.size());
      } else pump_broadcasts();
      return;
    }
    if (events & EPOLLOUT) flush();
    read_all(*this, carry, [this](char* p, size_t n) { return consume(p, n); });
    if (idle()) pump_broadcasts();
  }

  // Uses whole responses: Content-Length, chunked, or none of the two (204 and the like).
  size_t consume(const char* p, size_t n) {
    size_t used = 0;
    while (used < n) {
      const char* h = p + used;
      size_t left = n - used;
      const char* end = FIND(h, left, "\r\n\r\n");
      if (!end) break;
      std::string head(h, size_t(end - h) + 2);
      for (auto& c : head) c = char(tolower(c));
      int status = head.size() > 12 ? atoi(head.c_str() + 9) : 0;
      if (status < 200 || status > 299) die("POST answered: %s", head.substr(0, head.find('\r')).c_str());
      size_t at = size_t(end - h) + 4;
      size_t cl = head.find("\r\ncontent-length:");
      if (cl != std::string::npos) {
        size_t len = size_t(atoll(head.c_str() + cl + 17));
        if (left - at < len) break;
        at += len;
      } else if (head.find("\r\ntransfer-encoding: chunked") != std::string::npos) {
        bool whole = false;
        while (!whole) {
          const char* nl = FIND(h + at, left - at, "\r\n");
          if (!nl) return used;
          size_t len = size_t(strtoull(h + at, nullptr, 16)), next = size_t(nl - h) + 2 + len + 2;
          if (next > left) return used;
          at = next;
          whole = len == 0;
        }
      }
      used += at;
      awaited--;
      failures = 0;
    }
    return used;
  }
};

std::vector<std::unique_ptr<Poster>> g_posters;

void hub_broadcast(uint64_t t) {
  Conn& c = *g_conns[0];
  std::string r;
  static const std::string pad(size_t(opt.size), 'x');
  for (int i = 0; i < opt.burst; i++) {
    std::string m = "{\"type\":1,\"invocationId\":\"" + std::to_string(g_sequence++) + "\",\"target\":\"" + opt.method +
                    "\",\"arguments\":[{\"t\":" + std::to_string(t) + ",\"pad\":\"" + pad + "\"}]}\x1e";
    append_frame(r, 1, m.data(), m.size());
  }
  g_hub_outstanding += opt.burst;
  c.send_bytes(r.data(), r.size());
}

void on_hub_completion() {
  g_hub_outstanding--;
  pump_broadcasts();
}

struct Slot {  // an invocation that a connection may have in flight
  Conn* conn;
  size_t k;
};
std::deque<Slot> g_free_slots;  // paced echo: taken in turn
double g_rate = 0;

void on_slot_free(Conn& c, size_t k) {
  if (g_running && g_rate == 0) c.invoke_echo(k, now_ns());
  else {
    g_free_slots.push_back({&c, k});
    pump_broadcasts();
  }
}

void invoke_free_slot(uint64_t t) {
  Slot slot = g_free_slots.front();
  g_free_slots.pop_front();
  slot.conn->invoke_echo(slot.k, t);
  slot.conn->send_batch();
}

bool may_broadcast() {
  if (opt.mode == "echo") return !g_free_slots.empty();
  if (opt.mode == "bcast-hub") return g_hub_outstanding + opt.burst <= opt.outstanding * opt.burst;
  return std::any_of(g_posters.begin(), g_posters.end(), [](auto& p) { return p->idle(); });
}

void broadcast(uint64_t t) {
  if (opt.mode == "echo") invoke_free_slot(t);
  else if (opt.mode == "bcast-hub") hub_broadcast(t);
  else {
    static size_t next = 0;  // in turn, so that none stays idle for long
    while (!g_posters[next % g_posters.size()]->idle()) next++;
    g_posters[next++ % g_posters.size()]->post(t);
  }
  g_issued += uint64_t(opt.burst);
  g_now.broadcasts += uint64_t(opt.burst);
}

uint64_t g_delivered_base = 0;

void pump_broadcasts() {
  if (!g_running || g_ready == 0) return;
  if (g_rate > 0) {
    while (!g_due.empty() && may_broadcast()) {
      broadcast(g_due.front());
      g_due.pop_front();
    }
    return;
  }
  if (opt.mode == "echo") return;
  for (;;) {
    uint64_t done = (g_delivered - g_delivered_base) / uint64_t(opt.receivers ? opt.receivers : g_ready);
    if (g_issued + uint64_t(opt.burst) > done + uint64_t(opt.outstanding) * uint64_t(opt.burst) || !may_broadcast()) return;
    broadcast(now_ns());
  }
}

// ---------------------------------------------------------------- the loop

struct Timer : Pollable {
  Timer() {
    fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    epoll_event ev{};
    ev.events = EPOLLIN;
    ev.data.ptr = this;
    epoll_ctl(g_epoll, EPOLL_CTL_ADD, fd, &ev);
  }
  void at(uint64_t t) {
    itimerspec its{};
    its.it_value.tv_sec = time_t(t / kSecond);
    its.it_value.tv_nsec = long(t % kSecond);
    timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, nullptr);
  }
  void on_event(uint32_t) override {
    uint64_t v;
    (void)!read(fd, &v, sizeof v);
  }
  void on_lost(const char*) override {}
};

std::unique_ptr<Timer> g_timer;
uint64_t g_next_burst = 0, g_next_ping = 0;
size_t g_ping_at = 0;

// Runs the loop until `until` or until `done` says so.
template <class Done>
void loop(uint64_t until, Done done) {
  static epoll_event events[1024];
  while (!done()) {
    uint64_t t = now_ns();
    if (t >= until) return;
    uint64_t wake = until;
    if (g_running && g_rate > 0) {
      uint64_t step = uint64_t(double(kSecond) * opt.burst / g_rate);
      bool due = false;
      while (g_next_burst <= t) {
        if (g_due.size() < 10000) g_due.push_back(g_next_burst);
        else g_now.late++;
        g_next_burst += step;
        due = true;
      }
      if (due) pump_broadcasts();
      wake = std::min(wake, g_next_burst);
    }
    if (opt.ping > 0 && size_t(g_next) == g_conns.size()) {  // a slice of the connections every 100 ms
      if (t >= g_next_ping) {
        size_t slice = size_t(double(g_conns.size()) / opt.ping / 10) + 1;
        for (size_t i = 0; i < slice; i++) {
          Conn& c = *g_conns[g_ping_at++ % g_conns.size()];
          if (c.state == Conn::Ready) c.ping();
        }
        g_next_ping = t + kSecond / 10;
      }
      wake = std::min(wake, g_next_ping);
    }
    g_timer->at(std::max<uint64_t>(wake, 1));
    int n = epoll_wait(g_epoll, events, 1024, 1000);
    for (int i = 0; i < n; i++) {
      Pollable* p = static_cast<Pollable*>(events[i].data.ptr);
      if (p->fd >= 0) p->on_event(events[i].events);
    }
    if (g_running && n > 0 && g_rate == 0 && (opt.mode == "bcast" || opt.mode == "bcast-hub")) pump_broadcasts();
  }
}

void loop_for(double seconds) {
  loop(now_ns() + uint64_t(seconds * 1e9), [] { return false; });
}

// ---------------------------------------------------------------- results

struct Run {
  double seconds, messages, packed, completions, broadcasts, bytes, reads, p50, p99, p999, max;
  double server_cpu, own_cpu, other_cpu, other_core, stolen;
  uint64_t lost, late, errors;
  bool paced;
};

double other_on_core(const Sample& a, const Sample& b) {
  return ((b.core_cpu - a.core_cpu) - (b.server_cpu - a.server_cpu)) / (double(b.at - a.at) / 1e9);
}

double other_between(const Sample& a, const Sample& b) {  // cores
  return ((b.all_cpu - a.all_cpu) - (b.server_cpu - a.server_cpu) - (b.own_cpu - a.own_cpu)) / (double(b.at - a.at) / 1e9);
}

void wait_for_quiet(double seconds) {
  for (int i = 0; i < int(seconds * 2); i++) {
    Sample a = sample();
    loop_for(0.5);
    Sample b = sample();
    if ((opt.server_core < 0 ? other_between(a, b) : other_on_core(a, b)) < opt.max_other) return;
  }
}

Run measure_once() {
  Counters before = g_now;
  g_latency.reset();
  Sample a = sample();
  g_measuring = true;
  loop_for(opt.duration);
  g_measuring = false;
  Sample b = sample();
  Run r{};
  r.seconds = double(b.at - a.at) / 1e9;
  r.messages = double(g_now.messages - before.messages) / r.seconds;
  r.packed = double(g_now.packed - before.packed) / r.seconds;
  r.completions = double(g_now.completions - before.completions) / r.seconds;
  r.broadcasts = double(g_now.broadcasts - before.broadcasts) / r.seconds;
  r.bytes = double(g_now.bytes - before.bytes) / r.seconds;
  r.reads = double(g_now.reads - before.reads) / r.seconds;
  r.lost = g_now.lost - before.lost;
  r.late = g_now.late - before.late + g_due.size();
  r.errors = g_now.errors - before.errors;
  r.p50 = g_latency.quantile_us(0.5);
  r.p99 = g_latency.quantile_us(0.99);
  r.p999 = g_latency.quantile_us(0.999);
  r.max = g_latency.max_us();
  r.server_cpu = (b.server_cpu - a.server_cpu) / r.seconds;
  r.own_cpu = (b.own_cpu - a.own_cpu) / r.seconds;
  r.other_cpu = other_between(a, b);
  r.other_core = opt.server_core < 0 ? r.other_cpu : other_on_core(a, b);
  r.stolen = (b.stolen - a.stolen) / r.seconds;
  r.paced = g_rate > 0;
  return r;
}

Run measure() {
  if (opt.max_other <= 0) return measure_once();
  Run best{};
  for (int i = 0; i < 3; i++) {
    wait_for_quiet(3);
    Run r = measure_once();
    if (i == 0 || r.other_core < best.other_core) best = r;
    if (best.other_core < opt.max_other) break;
  }
  return best;
}

std::string json_string(const std::string& s) {
  std::string o = "\"";
  for (unsigned char c : s) {
    if (c == '"' || c == '\\') o += '\\', o += char(c);
    else if (c < 0x20) {
      char b[8];
      snprintf(b, sizeof b, "\\u%04x", c);
      o += b;
    } else o += char(c);
  }
  return o + "\"";
}

void print_run(const Run& r, bool first) {
  double unit = opt.mode == "echo" ? r.completions : r.messages;
  printf("%s{\"paced\":%s,\"seconds\":%.2f,\"messages_per_s\":%.0f,\"messagepack_per_s\":%.0f,\"completions_per_s\":%.0f,"
         "\"broadcasts_per_s\":%.1f,\"mbytes_per_s\":%.2f,\"reads_per_s\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f,"
         "\"p999_us\":%.0f,\"max_us\":%.0f,\"server_cpu\":%.3f,\"server_us_per_msg\":%.3f,\"generator_cpu\":%.3f,"
         "\"other_cpu\":%.3f,\"other_on_server_core\":%.3f,\"stolen\":%.3f,\"lost\":%llu,\"late\":%llu,\"errors\":%llu}",
         first ? "" : ",", r.paced ? "true" : "false", r.seconds, r.messages, r.packed, r.completions, r.broadcasts,
         r.bytes / 1e6, r.reads, r.p50, r.p99, r.p999, r.max, r.server_cpu, unit > 0 ? r.server_cpu * 1e6 / unit : 0,
         r.own_cpu, r.other_cpu, r.other_core, r.stolen, (unsigned long long)r.lost, (unsigned long long)r.late,
         (unsigned long long)r.errors);
}

}  // namespace

int main(int argc, char** argv) {
  parse_args(argc, argv);
  server_addr();
  signal(SIGPIPE, SIG_IGN);
  rlimit rl;
  getrlimit(RLIMIT_NOFILE, &rl);
  rl.rlim_cur = rl.rlim_max;
  setrlimit(RLIMIT_NOFILE, &rl);
  g_epoll = epoll_create1(EPOLL_CLOEXEC);
  g_timer = std::make_unique<Timer>();

  double rss0 = rss_mib(), kernel0 = kernel_mib();
  Sample c0 = sample();
  uint64_t deadline = now_ns() + 120 * kSecond;
  for (int i = 0; i < opt.conns; i++) g_conns.push_back(std::make_unique<Conn>(i));
  while (g_ready + g_failed < opt.conns && now_ns() < deadline) {
    while (g_next < opt.conns && g_connecting < opt.connect_conc) g_conns[size_t(g_next++)]->start();
    loop(deadline, [] { return (g_next < opt.conns && g_connecting < opt.connect_conc) || g_ready + g_failed >= opt.conns; });
  }
  Sample c1 = sample();
  double connect_s = double(c1.at - c0.at) / 1e9;
  if (g_ready < opt.conns)
    fprintf(stderr, "sigload: %d ready, %d failed (%s)\n", g_ready, g_failed, g_last_error.c_str());
  if (!g_ready) die("no connection: %s", g_last_error.c_str());
  int connected = g_ready;

  if (opt.mode == "bcast")
    for (int i = 0; i < opt.outstanding; i++) {
      g_posters.push_back(std::make_unique<Poster>());
      g_posters.back()->start();
    }
  loop_for(opt.settle);
  double rss1 = rss_mib(), kernel1 = kernel_mib();

  g_rate = opt.rate;
  g_next_burst = now_ns();
  g_delivered_base = g_delivered;
  g_running = opt.mode == "echo" || opt.mode == "bcast" || opt.mode == "bcast-hub";
  if (opt.mode == "echo")
    for (auto& c : g_conns)
      if (c->state == Conn::Ready) c->start_echo();
  pump_broadcasts();
  loop_for(opt.warmup);

  std::vector<Run> runs;
  for (int i = 0; i < opt.runs; i++) runs.push_back(measure());
  if (opt.then_fraction > 0 && g_rate == 0) {
    std::vector<double> v;
    double receivers = double(opt.receivers ? opt.receivers : std::max(g_ready, 1));
    for (auto& r : runs) v.push_back(opt.mode == "echo" ? r.completions : r.messages / receivers);
    std::sort(v.begin(), v.end());
    g_running = false;  // let what is under way arrive first
    loop_for(1);
    g_rate = v[v.size() / 2] * opt.then_fraction;
    if (g_rate > 0) {
      g_running = true;
      g_next_burst = now_ns();
      loop_for(opt.warmup);
      for (int i = 0; i < opt.runs; i++) runs.push_back(measure());
    }
  }
  double rss2 = rss_mib();

  printf("{\"label\":%s,\"mode\":%s,\"conns\":%d,\"failed\":%d,\"connect_s\":%.3f,\"connects_per_s\":%.0f,"
         "\"connect_server_cpu\":%.3f,\"connect_generator_cpu\":%.3f,\"connect_other_on_server_core\":%.3f,\"size\":%d,"
         "\"inflight\":%d,\"outstanding\":%d,\"burst\":%d,"
         "\"rss_before_mib\":%.1f,\"rss_connected_mib\":%.1f,\"rss_end_mib\":%.1f,\"rss_kib_per_conn\":%.2f,"
         "\"kernel_kib_per_conn_both_ends\":%.2f,\"pings\":%llu,\"last_error\":%s,\"runs\":[",
         json_string(opt.label).c_str(), json_string(opt.mode).c_str(), connected, g_failed, connect_s, connected / connect_s,
         (c1.server_cpu - c0.server_cpu) / connect_s, (c1.own_cpu - c0.own_cpu) / connect_s, other_on_core(c0, c1), opt.size,
         opt.inflight, opt.outstanding, opt.burst, rss0, rss1, rss2, (rss1 - rss0) * 1024 / connected,
         (kernel1 - kernel0) * 1024 / connected, (unsigned long long)g_now.pings, json_string(g_last_error).c_str());
  for (size_t i = 0; i < runs.size(); i++) print_run(runs[i], i == 0);
  puts("]}");
  return 0;
}
