const headers = {
'Accept':'application/json',
'Authorization':'Bearer {access-token}'
};
fetch('/archives',
{
method: 'GET',
headers: headers
})
.then(function(res) {
return res.json();
}).then(function(body) {
console.log(body);
});
