// The physical limit: a bare epoll server in C++, one thread, no library.
//   g++ -O2 -std=c++17 -Wall -Wextra -o epoll-bound epoll-bound.cc; PORT=9000 COALESCE=0|1 ./epoll-bound
// COALESCE=0: one send(2) per message per connection, at once. COALESCE=1: what the requests of one
// epoll_wait round produced is joined and sent once per connection at the end of the round.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

struct Conn {
  int fd;
  enum { Http, Ws } state = Http;
  size_t slot = 0;
  std::string in, out;
  explicit Conn(int f) : fd(f) {}
};
static int ep;
static bool coalesce;
static std::vector<Conn*> subs;
static std::string round_batch;

static void drop(Conn* c) {  // the little object is leaked: events of this round may still point to it
  if (c->fd < 0) return;
  close(c->fd);
  c->fd = -1;
  if (c->state == Conn::Ws) {
    subs[c->slot] = subs.back();
    subs[c->slot]->slot = c->slot;
    subs.pop_back();
  }
}
static void put(Conn* c, const char* p, size_t n) {
  if (c->out.empty()) {
    ssize_t w = send(c->fd, p, n, MSG_NOSIGNAL);
    if (w == (ssize_t)n) return;
    if (w < 0 && errno != EAGAIN) return;
    if (w > 0) p += w, n -= w;
  }
  c->out.append(p, n);
  epoll_event ev{EPOLLIN | EPOLLOUT, {.ptr = c}};
  epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev);
}
static void frame(std::string& o, const char* p, size_t n) {
  o += (char)0x81;
  if (n < 126) o += (char)n;
  else o += (char)126, o += (char)(n >> 8), o += (char)n;
  o.append(p, n);
}
// SHA-1 is avoided: the generator's fixed key has a known accept value.
static const char* kUpgrade =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static void http(Conn* c) {
  for (;;) {
    size_t end = c->in.find("\r\n\r\n");
    if (end == std::string::npos) return;
    if (!c->in.compare(0, 4, "GET ")) {
      c->in.erase(0, end + 4);
      put(c, kUpgrade, strlen(kUpgrade));
      c->state = Conn::Ws;
      c->slot = subs.size();
      subs.push_back(c);
      return;
    }
    size_t cl = c->in.find("Content-Length: "), len = strtoul(c->in.c_str() + cl + 16, nullptr, 10);
    if (c->in.size() < end + 4 + len) return;
    std::string rec = "{\"type\":1," + c->in.substr(end + 5, len - 1) + "\x1e", f;
    frame(f, rec.data(), rec.size());
    if (coalesce) round_batch += f;
    else
      for (Conn* s : subs) put(s, f.data(), f.size());
    c->in.erase(0, end + 4 + len);
    static const char ok[] = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    put(c, ok, sizeof ok - 1);
  }
}
static void ws(Conn* c, char* b, size_t n) {
  std::string whole, reply;
  if (!c->in.empty()) {
    whole.swap(c->in);
    whole.append(b, n);
    b = whole.data(), n = whole.size();
  }
  size_t at = 0;
  while (n - at >= 6) {
    unsigned char* h = (unsigned char*)b + at;
    size_t len = h[1] & 127, hn = 6;
    if (len == 126) {
      if (n - at < 8) break;
      len = h[2] << 8 | h[3], hn = 8;
    }
    if (n - at < hn + len) break;
    char* p = b + at + hn;
    for (size_t i = 0; i < len; i++) p[i] ^= h[hn - 4 + (i & 3)];
    at += hn + len;
    if (memmem(p, len, "\"protocol\"", 10)) frame(reply, "{}\x1e", 3);
    else if (char* id = (char*)memmem(p, len, "\"invocationId\":\"", 16)) {
      id += 16;
      char* ide = (char*)memchr(id, '"', p + len - id);
      char* a = (char*)memmem(ide, p + len - ide, "\"arguments\":[", 13);
      if (!a) continue;
      std::string r = "{\"type\":3,\"invocationId\":\"" + std::string(id, ide) + "\",\"result\":" + std::string(a + 13, p + len - 3) + "}\x1e";
      frame(reply, r.data(), r.size());
    }
  }
  if (at < n) c->in.assign(b + at, n - at);
  if (!reply.empty()) put(c, reply.data(), reply.size());
}
int main() {
  coalesce = getenv("COALESCE") && *getenv("COALESCE") == '1';
  int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(getenv("PORT") ? atoi(getenv("PORT")) : 9000);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(l, (sockaddr*)&a, sizeof a) || listen(l, 4096)) return perror("listen"), 1;
  ep = epoll_create1(0);
  epoll_event ev{EPOLLIN, {.ptr = nullptr}};
  epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev);
  puts("listening");
  fflush(stdout);
  static epoll_event evs[1024];
  static char buf[1 << 16];
  for (;;) {
    int n = epoll_wait(ep, evs, 1024, -1);
    for (int i = 0; i < n; i++) {
      Conn* c = (Conn*)evs[i].data.ptr;
      if (!c) {
        for (int fd; (fd = accept4(l, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
          setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
          epoll_event e{EPOLLIN, {.ptr = new Conn(fd)}};
          epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
        }
        continue;
      }
      if (c->fd < 0) continue;
      if (evs[i].events & EPOLLOUT && !c->out.empty()) {
        ssize_t w = send(c->fd, c->out.data(), c->out.size(), MSG_NOSIGNAL);
        if (w > 0) c->out.erase(0, w);
        if (c->out.empty()) {
          epoll_event e{EPOLLIN, {.ptr = c}};
          epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
        }
      }
      if (!(evs[i].events & ~EPOLLOUT)) continue;
      ssize_t r = recv(c->fd, buf, sizeof buf, 0);
      if (r <= 0) {
        if (r == 0 || errno != EAGAIN) drop(c);
        continue;
      }
      if (c->state == Conn::Http) c->in.append(buf, r), http(c);
      else ws(c, buf, r);
    }
    if (!round_batch.empty()) {
      for (Conn* s : subs) put(s, round_batch.data(), round_batch.size());
      round_batch.clear();
    }
  }
}
