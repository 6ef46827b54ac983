"""Given names of many languages: what tells "Kokoschka, Oskar" from "Haacke, Beuys".

In: nothing. Out: the names, folded as `folding.flat` folds. Many are surnames too; who reads them
weighs that. Knows no artist.
"""

from __future__ import annotations

from core.collection.importing.credit_lines.folding import words

GIVEN_NAMES = words(
    """
    jake dinos coosje ulla edmonia michaelina cuno lyubov ljubov romare njideka seydou etel
    aaron abbott abel abigail abraham achille ada adalbert adam adela adelaide adele adeline adolf
    adolfo adolph adolphe adrian adriaan adriaen adriana adriano adrien agathe agnes agnolo
    agostino aimee akira akseli alain alan alasdair alba albert alberta alberto albin albrecht
    alejandro alec aleksander aleksandr aleksandra aleksei aleksey alena alessandra alessandro
    alex alexander alexandra alexandre alexandru alexei alexey alexis alfons alfonso alfred
    alfredo ali alice alicia alicja alighiero alina aline alison allan allen alma alois alonso
    alonzo aloys alphonse alvar alvaro alvin alwin amadeo amalia amanda amba ambrogio ambrose
    ambrosius amedee amedeo amelia amelie ami amos amy ana anaïs anais anatole anders andre andrea
    andreas andrei andres andrew andrey andries andrzej andy ange angel angela angele angelica
    angelika angelo angus anish anita anke ann anna anne annelies annette annibale annie anni
    anselm anselmo ansel anthonie anthonis anthony antoine antoinette anton antonello antoni
    antonia antonie antonin antonina antonio antonis antony anya apollinary ariane aristide arkhip
    arlene armand armando armin arnaldo arne arno arnold arnould arnulf artemisia arthur artur
    arturo asa asger astrid aubrey auguste august augusta augustin augusto augustus aurelie aurora
    axel ayse balthasar balthazar baptiste barbara barnaba barnaby barnett barry bart bartholomaus
    bartholomeus bartolome bartolomeo basil bas beate beatrice beatrix beatriz ben benedetto
    benedict benedikt benito benjamin bennett benno benozzo benvenuto berenice bernard bernarda
    bernardino bernardo bernd berndt bernhard bernt bert berta bertalan berthe berthold bertil
    bertram bessie beth betty betye bharti bill billy birgit bjarne bjorn blaise blanche bo bob
    bogdan bohumil boris boguslaw boyd brad bradford bram brenda brett brian brice bridget
    brigitte bruce bruno bryan burt byron caius calvin camilla camille carel carl carla carlo
    carlos carlota carmen carol carola carole caroline carolyn carsten caspar casimir catalina
    caterina catherine cathy cecil cecilia cecile cecily celeste celestino celia cesar cesare
    chaim chantal charles charlie charlotte chester chiara childe chloe chris christa christen
    christian christiane christiana christien christina christine christoffel christoph christophe
    christopher cildo cindy claas claes claire clara clare clarence clarice clarissa clarkson
    claud claude claudia claudine claudio claus clemens clement clementine cleve clifford clive
    clyde clyfford colette colin colombe conrad constance constant constantin constantino cora
    coriolano corinne cornelia cornelis cornelius corrado cosimo cosmas craig cristina cristobal
    cristoforo curt curtis cynthia cyril cyrus dai daisy dale damien damian dan dana danese daniel
    daniela daniele danielle danny dante daphne dara dario darren darryl dave david dawn dean
    deborah dee deirdre delia denis denise dennis denys derek derrick dia diana diane dick didier
    diederik diego dieric dierick dietrich dieter dimitri dina dino dirck dirk dmitri dmitry dod
    domenico domingo dominic dominik dominique don donald donata donatella donato dora dorian
    doris dorit dorothea dorothee dorothy dorte dosso doug douglas drahomira dries duane duccio
    duncan dusan dwight earl eberhard ed eda eddy edgar edgard edgardo edith edmond edmund edna
    edoardo edouard eduard eduarda eduardo edvard edward edwin effie egbert egidius egon eileen
    elaine eleanor elena eleonora eleonore elfriede elia eliane elias elihu elin elinor elio eliot
    elisabeth elise elizabeth ella ellen ellsworth elmar eloise elsa else elsie elspeth elvira
    emanuel emerich emil emile emilia emilie emilio emily emma emmanuel emmanuelle emmeline
    emmerich emmy endre engelbert enoch enrico enrique erasmus erhard eric erich erik erika ernest
    ernestine ernesto ernst errol erwin esaias esther estelle esteban ethan ethel etienne ettore
    euan eugen eugene eugenia eugenie eugenio eusebio eustache eva evan evaristo eve evelyn ewald
    everett eyre ezra fabian fabien fabio fabrizio fanny farrokh faith fausto federico fede fedor
    felice felicia felicien felipe felix ferdinand fernand fernanda fernando ferruccio filiberto
    filippo filippino fiona fjodor flavio flora florence florent florian florine floris foppe
    fortunato frances francesca francesco francis francisca francisco franciscus franciszek franck
    franco francois francoise frank frans franz fred freda frederic frederica frederick frederik
    frederico fredrik frida friedel frieda friedrich friedensreich fritz fyodor gabriel gabriela
    gabriele gabriella gabrielle gail galina gary gaspar gaspard gaspare gaston gaudenzio gavin
    gea gene genevieve gennady gentile geoffrey geoff georg george georges georgia georgiana
    georgina georgy gerald geraldine gerard gerarda gerardo gerd gerda gerhard gerhardt german
    germain germaine gerolamo gerrit gert gertrude gertrud geza ghada gheorghe gherardo ghislaine
    giacinto giacomo giambattista gian gianfranco gianlorenzo gianni gideon gijsbert gil gilbert
    gilberto giles gillian gilles gillis gina gino gioacchino giorgio giovanna giovanni girolamo
    gisele gisela giulia giuliano giulio giuseppe giusto gladys glen glenn gloria godefroid
    godfrey gonzalo gordon gottfried gottlieb gotthard govert grace graciela graham grant greg
    gregor gregorio gregory greta gretchen grete grigori grigory guido guidobaldo guillaume
    guillermo guillem gulsun gunnar gunta gunter gunther gus gustaaf gustaf gustav gustave gustavo
    guus guy gwen gyorgy gyula hana hanna hannah hanne hannes hannelore hans harald haris harm
    harmen harold harriet harriett harrison harry hartmann hartmut harvey hassan hector heda hedda
    hedwig heike heiko heiner heinrich heinz helen helena helene helga helio heliodoro hella
    helmut helmuth hendrick hendrik hendrickje hennie henning henri henricus henrietta henriette
    henrik henrique henry herbert herb hercules heribert herman hermann hermine hermen hernan
    herve hieronymus hilaire hilary hilda hilde hildegard hilla hilma hippolyte hiram holger homer
    honore horace horst hortense hosea howard hubert hugh hugo hugues humbert humphrey hyacinthe
    hyman iain ian ida ignace ignacio ignatius ignaz igor ike ilia ilka ilse ilya imogen imre ina
    inez inge ingeborg ingrid inigo innocenzo ion ira irene iris irma irmgard irving isaac isaak
    isabel isabella isabelle isack isadora isamu isidore isidro ismael israel italo itai ivan
    ivana ivar ivo ivon iwan jaap jaume jacek jack jackie jackson jacob jacoba jacobus jacopo
    jacqueline jacques jaime jakob jakub jamal james jamie jan jane janet janice janine janis
    janos jared jarmila jaroslav jason jasper javier jay jean jeanette jeanne jeff jefferson
    jeffrey jens jeremias jeremy jerome jeronimus jerry jesper jesse jessica jesus jiang jill jim
    jimmy jindrich jiri jo joachim joakim joan joana joanna joanne joao joaquin jochem jochen joe
    joel johan johanna johannes johann john johnny jon jonas jonathan joop joos joost jordi jorg
    jorge jorgen joris jose josef josefa josefina joseph josepha josephine josh joshua josiah joy
    joyce juan juana juanita judith judy juergen jules julia julian juliana julie julien juliet
    juliette julio julius juliusz june jurgen juriaan jurriaan jusepe justin justine justus kai
    kaija kamil kara karel karen karin karl karla karol karolina karoline karsten kasimir kate
    kateryna kathe katharina katherine kathleen kathryn kathy katja kazimierz kazimir kees keith
    kelly ken kenneth kent kerry kerstin kevin kiki kim kirsten kitty kjell klaas klaus knud knut
    koen kolo koloman konrad konstantin konstanty kristian kristina kristine kristof krystyna
    krzysztof kurt kuzma kyle lambert lambertus larry lars lasar lasse laszlo laura laure laurel
    laurence laurent laurens lauri laurie laurits lavinia lawrence lazar lazaro lazzaro lea leah
    leander lee leif lelio lemuel lena leo leon leonard leonardo leone leonello leonhard leonid
    leonie leonora leonor leonore leontine leopold lesley leslie lester leticia lev levi lewis
    liam libero liborio lida lidia lila lilian liliana lilla lillian lilly lily lina linda lionel
    lippo lisa lisbeth lise livia livio liz lloyd lodewijk lodovico logan lois lola lorcan loren
    lorenz lorenzo loretta lorna lorraine lothar lou louis louisa louise lourdes lovis luc luca
    lucas lucia lucian luciano lucien lucienne lucille lucio lucius lucretia lucy ludmila ludovic
    ludovico ludwig luigi luis luisa luiz lukas luke lutz lydia lygia lyman lyonel mabel mads
    madeleine madge magda magdalena maggie mai maja malcolm malick manfred manon manuel manuela
    marc marcantonio marcel marcella marcello marcelo marcia marcin marco marcos marcus marek
    margaret margareta margarete margaretha margarita margherita margit margot marguerite maria
    mariam mariana mariano marianne marie marietta marijke marilyn marina mario marion marisa
    marisol marit marius marjorie mark marko markus marlene mart martha marthe martial martin
    martina martine martino marten maarten martiros marsden mary massimo mat mateo mathias mathieu
    mathilde mathis mathurin matias matilda matilde matjaz matt matteo matthaus matthew matthias
    matthijs matti maud maude maurice mauricio maurits maurizio maurycy max maxim maxime
    maximilian maxwell may maynard meindert mel melchior melissa melvin merce mercedes meret
    meredith merit meta meyer mia micha michael michaela michal micheal michel michele michelle
    michiel miguel mihail mihaly mikael mike mikhail mikhael mikulas milan mildred miles millard
    milton mimi mimmo mina minerva minna miquel mira miriam miroslav mirko mitchell mona monica
    monika monique montague morgan moritz morris mose moses moshe murray myles myra myron nadia
    nadja nan nancy naomi narciso nat natalia natalie natalja nathalie nathan nathaniel neil nell
    nellie nelson nestor niccolo nicholas nick nicky nicola nicolaas nicolaes nicolas nicole
    nicolo nicoletta niels nigel niki niklaus niko nikolai nikolaj nikolas nikolaus nikolay nina
    nino noah noel nora norbert noriko norma norman nuno octave octavio odd odette odile odilon
    olaf olav ole oleg olga olive oliver olivia olivier olle olof ondrej onorio orazio orest
    oreste orlando orsola oscar oskar oswald otakar ottavio otto ottilie ove owen pablo palma pam
    pamela paola paolo paris pascal pascale pat patricia patrick patrik patty paul paula paulina
    pauline paulo paulus pavel pawel pearl peder pedro peggy penelope per percy pernille perrine
    pete peter petr petra petrus philip philipp philippa philippe phillip phoebe phyllis piero
    pierre piers piet pieter pieternella pietro pilar pina pinchas pino pio piotr pius placido
    polly pompeo prosper prudence pyotr quentin quinten quirijn quirin raffaele raffaella
    raffaello rafael rainer ralf ralph ramon ramona randolph raoul raphael raul ray raymond
    rebecca regina regine reginald reinhard reinier reinhold rembert remedios remigius renate
    renata renato rene renee rex ricardo riccardo richard rick rineke rirkrit rita rob robert
    roberta roberto robin roderic rodney rodolfo rodolphe roel roelant roelof roger rogelio rogier
    roland rolf roman romare romeyn romuald romulo ron ronald roni ronnie rory rosa rosalba
    rosalie rosalind rosalyn rosamund rosario rose rosemarie rosemary rosie ross roswitha roy
    ruben rudi rudolf rudolph rufino rufus rupert russell ruth ryan sabina sabine sal sally
    salomon salomo salvador salvator salvatore sam samantha samuel sandra sandro sandy sanford
    santi santiago sara sarah sascha saul sean sebald sebastian sebastiano sebastien selma serge
    sergei sergey sergio seth severin severino seymour shane shannon sharon sheila shelby shirley
    sidney sidonie siegfried sigmar sigmund sigrid sigurd silke silvia silvio silvestro sylvester
    simeon simon simona simone simonetta sinibaldo sofia sofie sofonisba sol solange solomon sonia
    sonja sophia sophie soren stan stanislas stanislav stanislaw stanley stefan stefania stefanie
    stefano stella sten stephan stephane stephanie stephen steve steven stig stuart sue susan
    susana susanna susanne suzanne sven svend svetlana sybil sylvain sylvia sylvie tadeusz taddeo
    tage tal tamara tamas tania tatiana tatyana ted teodor teofilo teresa tess thaddeus thalia
    thea thelma theo theodoor theodor theodora theodore theodorus theophile theresa therese thomas
    thor thorvald tibor tiberio tiemen tihamer till tim timothy tina tino tiziana tobias tobiah
    toby todd tom tomas tomasso tomaso tommaso tommy toni tony torsten tracey tracy trevor tristan
    trude tullio ugo ulf ulrich ulrika ulrike umberto una urs ursula ute uwe valentin valentina
    valentine valeria valerie valerio valery vanessa vasily vassily vaclav vera verena vernon
    veronica veronika vicente vicki victor victoire victoria vida viktor vilhelm villem vilmos
    vincent vincente vincenzo viola violet virgil virgilio virginia virginie viatcheslav vito
    vittore vittoria vittorio vivian viviane vlad vladimir vladislav vojtech volker volodymyr
    waldemar walker wallace wally walt walter walther wanda warren wassily wayne wenceslaus wendel
    wendell wendelin wendy wenzel werner wes wesley wieland wilfred wilfredo wilhelm wilhelmina
    wilhelmine will willa willard willem willi william willy wilma wim winfred winifred winslow
    winston witold wladyslaw wojciech wolf wolfgang wolfram wouter wout xaver xavier yannis yasmin
    yayoi yehuda yekaterina yelena yinka yolanda yorgos youssef yuri yves yvette yvonne yvo
    zacharias zachary zaha zanele zbigniew zdenek zdzislaw zinaida zofia zoe zofie zoltan zoran
    zuzana zsuzsi wm chas geo thos jas jos robt edw benj saml danl alexr fredk joh jac vibeke
    krista bente dorthe gitte lene mette signe solveig torben jytte birthe henk joke hanneke ineke
    marijn sjoerd tineke adi aiko aisha akio akram amir amrita anand anil anjali arata arun arpita
    asad atul ayako bashir bhupen chieko chiharu chiyo daido daisuke devi do eiji eiko emi emiko
    farid fatima fumio genpei gohar gulam hajime haruko haruo hasan hashim hideo hideki hiroko
    hiroshi hiroshige hirosh hisao hitoshi hokusai hsiao huang hussein hyun ibrahim ichiro ikko
    indira ito jaya jin jiro junichi junko kaoru katsuhiro katsura kaz kazuo kazuko keiichi keiji
    keiko keisuke keizo kenji kenzo kenzaburo kishio kiyoshi koichi koji kohei kunihiko kuniyoshi
    kunisada leila lakshmi lin makoto mako manjit mariko masao masahisa masami masanori masaru
    masashi meena mehmet mei michiko midori miki minoru mitsuo mitsuko mohamed mohammad mohammed
    motoi mrinalini muhammad mustafa nalini nam naoki naoko nasreen natsuyuki nobuo nobuyoshi
    nobuyuki noboru norio omar on osamu parviz pallavi rabih raghu raghubir rajan rajesh ram rama
    ravi rei reza rumi ryoji ryuji saburo sachiko sadao sakti samir satish satoshi seiichi seiji
    seiko senju shahzia sharaku shigeko shigeo shigeru shin shinichi shinro shiro shirin shoichi
    shoji shomei shozo shusaku subodh sudhir sumi susumu syed tadanori tadao tadashi tadasky taiji
    takako takashi takeo takesada takeshi taro tatsuo tetsumi tetsuya tomio tomoko toshi toshiko
    toshio toyokuni toyo tsuguharu tsuyoshi usha utamaro vasudeo vivan wei xiaogang xu yan
    yasuhiro yasuo yasumasa yoko yoichi yoji yoshiaki yoshiharu yoshiko yoshimoto yoshio
    yoshishige yoshitomo yoshitoshi yto yue yuki yukio yuko yutaka yutaro zarina zeshin александр
    алексей анатолий андрей анна антон аркадий аркадии архип борис вадим валентин валентина
    валерий варвара василий виктор виталий владимир владислав всеволод вячеслав геннадий георгий
    григорий давид дмитрий евгений евгения екатерина елена елизавета ефим иван игорь илья иосиф
    исаак казимир карл кирилл константин кузьма лазарь лев леонид любовь людмила марина мария марк
    мартирос михаил надежда наталия наталья николай олег ольга орест павел петр роман самуил
    светлана семен сергей софия степан тарас татьяна федор филипп юрий яков ян
    """
)
