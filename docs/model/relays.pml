/* relays.pml: two relays, each with a store of its own; the host and the client move between them.  Spin 6.5.
 * What the rules promise when a session is taken to another relay (the store is not shared: a relay knows only what was published to
 * it; a cluster on one store is one relay to these rules): nothing of a relay is resumed at another by number. Events go on at the
 * other relay under their own epoch, where the host's OPENED says how far that relay has them; COMMANDS have an epoch for each relay,
 * so no cursor of one is taken for the other's; command ids are known to the host whatever relay they came through; the outbox starts
 * again at first_retained; epochs that the host has left are former ones only where they were published.
 * One host with a journal (it may lose it once, then another epoch begins), one client with two commands; both may move F times.
 * An event is one number; its content the epoch it was written in. Acknowledged events are trimmed from the journal only when a
 * snapshot allows it (snap: the log begins there); a relay without what came before begins at that snapshot.
 *  default        the rules
 *  -DCE_SHARED    both relays number COMMANDS under one epoch (a cursor of one relay is taken for the other's)
 *  -DNO_HDEDUP    the host does not know command ids from before
 *  -DNO_FIRST     the client goes on at its next offset, instead of first_retained, at a relay that does not know its outbox
 *  -DDROP_STORED  the client forgets a command when a relay has stored it
 *  -DNO_STAMP     the host does not look at the event epoch stamped on a command
 *  -DREADER_FREE  a reader goes back to an epoch that it has left (a client that does not remember them); 3 moves show it
 *  -DNO_LOSS      without the loss of the journal */
#ifndef F
#define F 3
#endif
#ifndef N
#define N 2                      /* events of one epoch, at most */
#endif
#define K 2                      /* commands */
#define NONE 9
/* journal: epoch, end, begin, COMMANDS cursor (which relay's epoch, offset), command states */
byte je = 1, jn, jb, jce = NONE, jcn, jc[K]; bool lostj;
byte hr; bool hon, hcop;                     /* host at relay hr */
/* relays: events (epoch, from, to), COMMANDS (number of stored, acknowledged), what they know of the outbox */
byte re[2], rb[2], rn[2], rcn[2], rca[2], ro[2*K], onext[2], kn[2], former[2], rout[2*K]; bool oknown[2];
/* client: at relay cr; reads; outbox first..K-1 */
byte cr, ce, cn, first, cnext, stamp[K], out[K], sent; bool con, gone[4];
byte ex[K], nf, nl, i, o;
inline newep() { je++; jn=0; jb=0 }
#ifdef CE_SHARED
#define CEPOCH(r) 0
#else
#define CEPOCH(r) r
#endif
#ifdef NO_HDEDUP
#define NEW(k) true
#else
#define NEW(k) (jc[k]==0)
#endif
#ifdef NO_STAMP
#define SAME(k) true
#else
#define SAME(k) (stamp[k]==je)
#endif
inline trim() { do :: first<sent && out[first]!=0 -> first++ :: else -> break od }
active proctype P() {
  do
  /* ---- host */
  :: atomic { jn<N -> jn++ }
  :: atomic { !hon -> hon=true; hcop=false;
       if
       :: re[hr]!=je && (former[hr] & (1<<je)) -> former[hr] = former[hr] | (1<<je); newep(); hon=false
       :: re[hr]!=je && !(former[hr] & (1<<je)) -> if :: re[hr]!=0 -> former[hr] = former[hr] | (1<<re[hr]) :: else fi;
          re[hr]=je; rb[hr]=jb; rn[hr]=jb; rout[hr*K]=0; rout[hr*K+1]=0
       :: re[hr]==je && rn[hr]<jb -> rb[hr]=jb; rn[hr]=jb                       /* stated jump: SNAPSHOT */
       :: re[hr]==je && rn[hr]>=jb -> assert(rn[hr]<=jn)
       fi }
  :: atomic { hon && re[hr]==je && rn[hr]<jn -> rn[hr]++; i=0; do :: i<K -> if :: jc[i]>=2 -> rout[hr*K+i]=jc[i]-1 :: else fi; i++ :: else -> break od; i=0 }
  :: atomic { hon && re[hr]==je && rn[hr]==jn && jn>0 &&                        /* outcomes are events too: told once all before is there */
       ((jc[0]>=2 && rout[hr*K]==0) || (jc[1]>=2 && rout[hr*K+1]==0)) -> i=0; do :: i<K -> if :: jc[i]>=2 -> rout[hr*K+i]=jc[i]-1 :: else fi; i++ :: else -> break od; i=0 }
  :: atomic { hon && re[hr]==je && jb<rn[hr] && rn[hr]==jn && nl<1 -> nl++; jb=jn }      /* a snapshot is written there, and all before it trimmed */
  :: atomic { hon && re[hr]==je && !hcop -> hcop=true;
       if :: jce==CEPOCH(hr) && rca[hr]<=jcn -> skip :: else -> jce=CEPOCH(hr); jcn=rca[hr] fi }
  :: atomic { hon && hcop && jcn<rcn[hr] -> o=ro[hr*K+jcn]; jcn++; if :: NEW(o) -> jc[o]=1 :: else fi; o=0 }
  :: atomic { hon && hcop && rca[hr]<jcn && jcn<=rcn[hr] -> rca[hr]=jcn }
#define CMD(k) :: atomic { hon && hcop && jc[k]==1 -> if :: SAME(k) -> jc[k]=2; ex[k]++; assert(ex[k]<=1) :: !(SAME(k)) -> jc[k]=3 fi } \
  :: atomic { con && ce==re[cr] && out[k]==0 && k<sent && rout[cr*K+k]!=0 -> out[k]=rout[cr*K+k]; trim() }
  CMD(0) CMD(1)
  /* ---- client */
  :: atomic { !con -> con=true;                                                 /* OPENs */
       if :: oknown[cr] && onext[cr]>=first -> cnext=onext[cr]
#ifdef NO_FIRST
          :: else -> oknown[cr]=true; onext[cr]=cnext
#else
          :: else -> oknown[cr]=true; onext[cr]=first; cnext=first
#endif
       fi }
#ifdef READER_FREE
#define MAYREAD (re[cr]!=0 && ce!=re[cr])
#else
#define MAYREAD (re[cr]!=0 && ce!=re[cr] && !gone[re[cr]])
#endif
  :: atomic { con && MAYREAD ->
       assert(re[cr]>ce);
       if :: ce!=0 -> gone[ce]=true :: else fi; ce=re[cr]; cn=rb[cr];
       i=0; do :: i<sent -> if :: out[i]==0 && rout[cr*K+i]!=0 -> out[i]=rout[cr*K+i] :: out[i]==0 && rout[cr*K+i]==0 && stamp[i]!=ce -> out[i]=9 :: else fi; i++ :: else -> break od; i=0; trim() }
  :: atomic { con && ce==re[cr] && re[cr]!=0 && cn<rn[cr] -> if :: cn<rb[cr] -> cn=rb[cr] :: else -> cn++ fi }
  :: atomic { sent<K && con && ce!=0 && ce==re[cr] -> stamp[sent]=ce; sent++ }
  :: atomic { con && cnext<sent -> i=cnext; if :: i<onext[cr] -> skip :: else -> assert(i==onext[cr]); onext[cr]++;
         if :: kn[cr] & (1<<i) -> skip :: else -> kn[cr]=kn[cr] | (1<<i); ro[cr*K+rcn[cr]]=i; rcn[cr]++ fi fi; cnext++; i=0;
#ifdef DROP_STORED
         first=cnext
#endif
       }
  /* ---- moves: whoever moves, the other follows some time */
  :: atomic { nf<F -> nf++; hr=1-hr; hon=false; hcop=false }
  :: atomic { cr!=hr -> cr=1-cr; con=false }
#ifndef NO_LOSS
  :: atomic { !lostj && nf<F -> nf++; lostj=true; hon=false; hcop=false; newep(); jce=NONE; jcn=0; jc[0]=0; jc[1]=0 }
#endif
  :: timeout -> assert(hon && con && hr==cr); assert(ce==re[cr] && re[cr]==je && cn==rn[cr] && rn[cr]==jn);
       i=0; do :: i<K -> assert(i>=sent || out[i]!=0); assert(out[i]!=1 || ex[i]==1); i++ :: else -> break od; break
  od
}
