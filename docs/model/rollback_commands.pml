/* rollback_commands.pml: rollback.pml with two commands and two clients, renumbering included, on one machine.  Spin 6.5.
 * The host's journal may be put back to a copy of it, the relay may restart (COMMANDS gets a new epoch, what is not acknowledged is
 * renumbered from 0) and its store may be put back to a copy. Content of an event = generation that journalled it. Client k reads the
 * events and has command k, stamped with the epoch it looks at, kept until its outcome. Arrays of two: 0 the journal, 1 the copy.
 * What holds: two events never share a number in what one reader sees; a reader never goes back to an older epoch; each command acts
 * at most once, but for the limit of clause 12.8; every command ends in an outcome and every reader arrives.
 *  default         the rules 3.10, 3.11, 3.12, 3.14, 3.21, 12.1, 12.3, 12.5
 *  -DSTRICT        without the exception of clause 12.8
 *  -DNO_ASK        client does not ask with QueryOutcome when a new process of the host begins; what was stored and the host does
 *                  not know then is UNKNOWN
 *  -DCURSOR        instead of asking: COMMANDS that begin beyond the journal's cursor tell a fork too; not adopted
 *  -DSAME_CEPOCH   a relay that opens its store goes on with the COMMANDS epoch it has
 *  -DNO_HDEDUP     host does not know command ids again     -DNO_RDEDUP  relay does not
 *  -DNO_LINEAGE    fork is told by the end alone            -DNO_STAMP   host does not look at the epoch stamped
 *  -DNO_RESTORED   epochs in a restored relay store go on   -DSERVE_LOST readers of a restored store are moved to its lost epoch
 *  -DNO_WAIT_OPENED host acts before OPENED of EVENTS   -DNO_WAIT_SYNCED after it, before COMMANDS' OPENED
 *       -DNO_REPUB   client does not publish again at a new COMMANDS epoch
 *  -DNO_J -DNO_R -DNO_C  without a journal copy, a store copy, a relay restart */
#define M 2
#ifndef N
#define N 3
#endif
#ifndef F
#define F 2
#endif
#define G 6                      /* generations, at most */
#define NONE 9
byte je[2], jn[2], gt[2], jg[2*N], jce[2], jcn[2], jc[2*M], oc[2*M]; bool hasj;
byte gen, gc, ec = 1; bool alive, on, cop, mine; bool act[M];
byte re, vn, lg, former, rce = 1, rcn, rca, kn; byte vv[N], vg[N], ro[M]; bool lost;
byte b_e, b_n, b_l, b_f, b_cn, b_ca, b_k; byte bv[N], bg[N], bo[M]; bool hasr;
byte ce[M], cn[M], cv[M*N], stamp[M], out[M], cr[M]; bool sent[M], held[M];
byte ex[M], nf, f_c, f_r, i, o; bool limit[M];
#define PUT jg[jn[0]] = gen; jn[0]++
inline cpj(x, y) { je[y]=je[x]; jn[y]=jn[x]; gt[y]=gt[x]; jce[y]=jce[x]; jcn[y]=jcn[x];
  i=0; do :: i<N -> jg[y*N+i]=jg[x*N+i]; i++ :: else -> break od;
  i=0; do :: i<M -> jc[y*M+i]=jc[x*M+i]; oc[y*M+i]=oc[x*M+i]; i++ :: else -> break od; i=0 }
inline sw() { if :: re!=0 -> former = former | (1<<re) :: else fi; re=je[0]; vn=0; lost=false;
  i=0; do :: i<N -> vv[i]=0; vg[i]=0; i++ :: else -> break od; i=0 }
inline newep() { former = former | (1<<je[0]); ec++; je[0]=ec; jn[0]=0; mine=true;
  i=0; do :: i<N -> jg[i]=0; i++ :: else -> break od;
  PUT; i=0; do :: i<M -> oc[i]=NONE; if :: jc[i]==1 || jc[i]==2 -> jc[i]=3 :: else fi; i++ :: else -> break od; i=0 }
#define LAST (vg[vn-1])
#ifdef NO_LINEAGE
#define FORK (vn>jn[0])
#else
#define FORK (vn>jn[0] || (vn>0 && (LAST<jg[vn-1] || !(gt[0] & (1<<LAST)))))
#endif
#ifdef NO_RESTORED
#define FORM (former & (1<<je[0]))
#else
#define FORM ((former & (1<<je[0])) || (lost && re==je[0]))
#endif
#ifdef NO_HDEDUP
#define NEW(k) true
#else
#define NEW(k) (jc[k]==0)
#endif
#ifdef NO_STAMP
#define MINE(k) true
#else
#define MINE(k) (stamp[k]==je[0])
#endif
#ifdef NO_WAIT_OPENED
#define MAY alive
#elif defined(NO_WAIT_SYNCED)
#define MAY on
#else
#define MAY (on && cop)          /* SYNCED: also what COMMANDS' OPENED says is looked at first */
#endif
inline stop() { alive=false; on=false; cop=false; mine=false; gen=0; act[0]=false; act[1]=false }
/* the relay opens its store: what is not acknowledged is numbered from 0 */
inline reopen() { on=false; cop=false;
#ifndef SAME_CEPOCH
  rce++; i=0; do :: i+rca<rcn -> ro[i]=ro[i+rca]; i++ :: else -> break od; rcn=i; rca=0;
  do :: i<M -> ro[i]=0; i++ :: else -> break od;
#endif
  i=0 }
#define CMD(k) \
  :: atomic { MAY && jc[k]==1 -> if :: MINE(k) -> jc[k]=2 :: !(MINE(k)) -> jc[k]=3 fi } \
  :: atomic { alive && jc[k]==2 && !act[k] && oc[k]==NONE -> act[k]=true; ex[k]++; assert(ex[k]<=1 || limit[k]) } \
  :: atomic { alive && jc[k]==2 && act[k] && jn[0]<N -> act[k]=false; oc[k]=jn[0]; PUT; jc[k]=4 }
/* client k reads, and has command k */
#define GO(k) (re!=0 && ce[k]!=re && READABLE(k))
#ifdef SERVE_LOST
#define READABLE(k) true
#else
#define READABLE(k) (!lost || ce[k]==0 || (former & (1<<ce[k])))
#endif
#define CLIENT(k) \
  :: atomic { GO(k) -> assert(re>ce[k]); ce[k]=re; cn[k]=0; i=0; do :: i<N -> cv[k*N+i]=0; i++ :: else -> break od; i=0; \
       if :: held[k] && stamp[k]!=re -> out[k]=2; held[k]=false :: else fi } \
  :: atomic { re!=0 && ce[k]==re && cn[k]<vn && !lost -> do :: cn[k]<vn -> cv[k*N+cn[k]]=vv[cn[k]]; cn[k]++ :: else -> break od } \
  :: atomic { ce[k]==re && re!=0 && !lost && ((cn[k]>0 && vn>0 && cv[k*N]!=vv[0]) || (cn[k]>1 && vn>1 && cv[k*N+1]!=vv[1]) || (cn[k]>2 && vn>2 && cv[k*N+2]!=vv[2])) -> assert(false) } \
  :: atomic { !sent[k] && (k==0 || sent[0]) && ce[k]!=0 && ce[k]==re && on -> sent[k]=true; held[k]=true; stamp[k]=ce[k]; cr[k]=0 } \
  :: atomic { held[k] && re!=0 && PUBLISH(k) -> cr[k]=rce; \
       if :: KNOWN(k) -> skip :: else -> assert(rcn<M); ro[rcn]=k; rcn++; kn = kn | (1<<k) fi } \
  :: atomic { held[k] && on && ce[k]==re && je[0]==re && stamp[k]==re && jc[k]==4 && oc[k]<vn -> out[k]=1; held[k]=false }
#if !defined(NO_ASK) && !defined(CURSOR)
#define ASK(k) :: atomic { held[k] && on && cop && ce[k]==re && je[0]==re && (kn & (1<<k)) && cr[k]==rce && jce[0]==rce && jcn[0]==rcn && jc[k]==0 -> out[k]=2; held[k]=false }
#else
#define ASK(k)
#endif
#ifdef NO_REPUB
#define PUBLISH(k) (cr[k]==0)
#else
#define PUBLISH(k) (cr[k]!=rce)
#endif
#ifdef NO_RDEDUP
#define KNOWN(k) (rcn==M)
#else
#define KNOWN(k) (kn & (1<<k))
#endif
#define UNACKED(k) ((rca<1 && rcn>0 && ro[0]==k) || (rca<2 && rcn>1 && ro[1]==k))
#ifdef STRICT
#define LIMIT(k) skip
#else
#define LIMIT(k) limit[k]=true
#endif
active proctype P() {
  atomic { je[0]=1; i=0; do :: i<2*M -> oc[i]=NONE; i++ :: else -> break od; i=0 }
  do
  /* ---- host: a process starts with an event; begun commands are UNKNOWN, told in that event */
  :: atomic { !alive && gc<G-1 -> gc++; gen=gc; gt[0]=gt[0] | (1<<gc); alive=true;
       i=0; do :: i<M -> if :: jc[i]==2 && jn[0]<N -> oc[i]=jn[0]; jc[i]=4 :: jc[i]==2 && jn[0]>=N -> jc[i]=3 :: else fi; i++ :: else -> break od; i=0;
       if :: jn[0]+(oc[0]==NONE)+(oc[1]==NONE)<N -> PUT :: else fi }          /* places are kept for the outcomes */
  :: atomic { alive && !on && gen>=lg -> lg=gen;
       if :: re!=je[0] && FORM -> newep() :: re!=je[0] && !(FORM) -> sw(); on=true
          :: re==je[0] && (FORM || FORK) -> newep() :: re==je[0] && !(FORM || FORK) -> on=true fi }
  :: atomic { on && vn<jn[0] -> do :: vn<jn[0] -> vv[vn]=jg[vn]; vg[vn]=gen; vn++ :: else -> break od }
  :: atomic { on && !cop -> cop=true;
       if :: jce[0]==rce && rca<=jcn[0] -> skip
          :: else ->
#ifdef CURSOR
             if :: !mine && rca>(jce[0]==rce -> jcn[0] : 0) -> newep(); on=false; cop=false :: else fi;
#endif
             jce[0]=rce; jcn[0]=rca fi }
  :: atomic { on && cop && jce[0]==rce && jcn[0]<rcn -> o=ro[jcn[0]]; jcn[0]++; if :: NEW(o) -> jc[o]=1; oc[o]=NONE :: else fi; o=0 }
  :: atomic { on && cop && jce[0]==rce && rca<jcn[0] -> rca=jcn[0] }
  CMD(0) CMD(1)
  CLIENT(0) CLIENT(1)
  ASK(0) ASK(1)
  /* ---- faults */
  :: atomic { nf<F && f_c<1 && alive -> nf++; f_c++; stop() }
#ifndef NO_J
  :: atomic { !hasj && alive -> hasj=true; cpj(0,1) }
  :: atomic { nf<F && hasj && alive && gc<G-1 -> nf++; stop();
       i=0; do :: i<M -> if :: ex[i]>0 && jc[M+i]<2 && re==je[1] && vn<=jn[1] && (jc[M+i]!=0 || UNACKED(i)) -> LIMIT(i) :: else fi; i++ :: else -> break od;
       cpj(1,0); hasj=false }
#endif
#ifndef NO_C
  :: atomic { nf<F && f_r<1 && re!=0 -> nf++; f_r++; reopen() }
#endif
#ifndef NO_R
  :: atomic { !hasr && re!=0 -> hasr=true; b_e=re; b_n=vn; b_l=lg; b_f=former; b_cn=rcn; b_ca=rca; b_k=kn;
       i=0; do :: i<N -> bv[i]=vv[i]; bg[i]=vg[i]; i++ :: else -> break od; i=0; do :: i<M -> bo[i]=ro[i]; i++ :: else -> break od; i=0 }
  :: atomic { nf<F && f_r<1 && hasr -> nf++; f_r++; hasr=false; re=b_e; vn=b_n; lg=b_l; former=b_f; rcn=b_cn; rca=b_ca; kn=b_k;
       i=0; do :: i<N -> vv[i]=bv[i]; vg[i]=bg[i]; i++ :: else -> break od; i=0; do :: i<M -> ro[i]=bo[i]; i++ :: else -> break od; i=0;
#ifndef NO_RESTORED
       lost=true;
#endif
       reopen() }
#endif
  :: timeout -> if :: gc<G-1 && on -> i=0; do :: i<M -> assert(!held[i]); assert(ce[i]==re && cn[i]==vn); i++ :: else -> break od
                   :: gc<G-1 && !on -> assert(gen<lg) :: else fi; break
  od
}
